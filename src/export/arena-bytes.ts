import type { NamedArrays } from '../base/tensors.js';
import type { JointNetwork } from '../network/layers.js';
import { networkParameters } from '../network/parameters.js';
import { lowerBranch } from './lower.js';

/** Bytes of all that the branch holds at once beside its weights, on its way to the last exit: the arena of its device program. */
export function arenaBytes(network: JointNetwork): number {
  // Places don't depend on values.
  const zeros: NamedArrays = {};
  for (const { name, shape } of networkParameters(network)) {
    if (name.startsWith('full.')) continue;
    zeros[name] = { shape, values: new Float32Array(shape.reduce((all, size) => all * size, 1)) };
  }
  return lowerBranch(network, zeros).arenaBytes;
}
