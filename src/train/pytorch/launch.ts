import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { UserError } from '../../base/errors.js';
import type { Config } from '../../run/config.js';
import { isOlder } from './find-python.js';

/** Processes that train together with torchrun. They share each batch. */
export interface Launch {
  /** Number of processes on this machine. */
  readonly processes: number;
  readonly nodes: number;
  readonly nodeRank: number;
  /** HOST:PORT of the first node, if there are several. */
  readonly rendezvous?: string;
}

/**
 * Fills in defaults (one process) and checks a launch.
 *
 * @throws UserError if the numbers contradict each other, or the processes can't share a batch
 */
export function launchOf(
  { processes = 1, nodes = 1, nodeRank = 0, rendezvous }: Partial<Launch> = {},
  { batchSize }: Pick<Config, 'batchSize'>,
): Launch {
  if (nodeRank >= nodes) {
    throw new UserError(`--node-rank: expected a number from 0 to ${nodes - 1} (--nodes ${nodes}), found ${nodeRank}`);
  }
  if (nodes > 1 && !/^.+:\d+$/.test(rendezvous ?? '')) {
    throw new UserError(
      `--rendezvous: expected HOST:PORT of the first of ${nodes} nodes, found ${rendezvous ?? 'nothing'}`,
    );
  }
  const world = processes * nodes;
  // Each process takes pairs of images, because mixup mixes pairs.
  if (world > 1 && batchSize % (2 * world) !== 0) {
    throw new UserError(
      `--batch-size: expected a multiple of ${2 * world}, to be shared by ${world} processes, found ${batchSize}`,
    );
  }
  return { processes, nodes, nodeRank, rendezvous };
}

/** @param torch version of PyTorch */
export async function torchrunArguments(
  { processes, nodes, nodeRank, rendezvous }: Launch,
  torch: string,
): Promise<string[]> {
  return [
    `--nnodes=${nodes}`,
    `--node_rank=${nodeRank}`,
    `--nproc_per_node=${processes}`,
    // Not c10d, which numbers machines arbitrarily: the first process, which reports, must be on the first machine.
    '--rdzv_backend=static',
    `--rdzv_endpoint=${rendezvous ?? `localhost:${await freePort()}`}`,
    '--rdzv_id=lcdnn',
    // Before version 2 the default, "redirect nothing", was not a valid value with Python 3.11.
    ...(isOlder(torch, '2') ? ['--redirects=2', '--tee=2'] : []),
  ];
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}
