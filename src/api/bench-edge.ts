import type { JointNetwork } from '../network/layers.js';
import { type TailTime, timeTails } from '../profiling/edge-bench.js';
import { networkOf } from '../run/run-directory.js';
import { describeNetwork, type NetworkOptions } from './describe-network.js';

/** Times of a network's tails, which `plan` reads as its `edge` option. */
export interface BenchEdgeResult {
  readonly network: string;
  readonly input: JointNetwork['input'];
  readonly classes: number;
  readonly tails: readonly TailTime[];
}

/**
 * Measures the edge server's part of a network on this machine, for every position of a branch.
 *
 * @param what a run directory, the name of a recipe, or of a network
 * @throws UserError if it is none of these
 */
export async function benchEdge(
  what: string,
  { rounds = 30, ...options }: NetworkOptions & { readonly rounds?: number } = {},
): Promise<BenchEdgeResult> {
  const { network, config } = describeNetwork(what, options);
  const { name, input, classes } = network;
  const at = (attach: string): JointNetwork => networkOf({ ...config, attach, branch: 'conv=0,fc=0' }, input, classes);
  return { network: name, input, classes, tails: await timeTails(network, at, rounds) };
}
