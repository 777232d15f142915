import { arenaBytes } from '../export/arena-bytes.js';
import { type NetworkCost, networkCost } from '../network/cost.js';
import type { JointNetwork } from '../network/layers.js';
import { describeNetwork, type NetworkOptions } from './describe-network.js';

export interface Inspection extends NetworkCost {
  readonly network: JointNetwork;
  /** Memory for values on the device at its peak, without the weights. */
  readonly peakBytes: number;
}

/**
 * Layers of a network with shapes, parameters, bytes and operations.
 *
 * @param what a run directory, the name of a recipe, or of a network
 * @throws UserError if it is none of these
 */
export function inspect(what: string, options: NetworkOptions = {}): Inspection {
  const { network } = describeNetwork(what, options);
  return { network, ...networkCost(network), peakBytes: arenaBytes(network) };
}
