import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { UserError } from '../../base/errors.js';
import type { Config } from '../../run/config.js';
import { isOlder } from './find-python.js';

/** Processes that train together, by torchrun; they share every batch. */
export interface Launch {
  /** On this machine. */
  readonly processes: number;
  readonly nodes: number;
  readonly nodeRank: number;
  /** HOST:PORT of the first node, where there are several. */
  readonly rendezvous?: string;
}

/** A launch of one process unless told otherwise. @throws UserError where it does not fit together, or the batch. */
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
  // Each takes pairs of images, for mixup pairs them.
  if (world > 1 && batchSize % (2 * world) !== 0) {
    throw new UserError(
      `--batch-size: expected a multiple of ${2 * world}, to be shared by ${world} processes, found ${batchSize}`,
    );
  }
  return { processes, nodes, nodeRank, rendezvous };
}

/** @param torch version of it */
export async function torchrunArguments(
  { processes, nodes, nodeRank, rendezvous }: Launch,
  torch: string,
): Promise<string[]> {
  return [
    `--nnodes=${nodes}`,
    `--node_rank=${nodeRank}`,
    `--nproc_per_node=${processes}`,
    // Not c10d, which numbers machines as it likes: the first process, which reports, must be on the first of them.
    '--rdzv_backend=static',
    `--rdzv_endpoint=${rendezvous ?? `localhost:${await freePort()}`}`,
    '--rdzv_id=lcdnn',
    // Before version 2, "redirect nothing", the default, was no valid value for Python 3.11.
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
