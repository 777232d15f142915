import type { NamedArrays } from '../base/tensors.js';
import type { JointNetwork } from '../network/layers.js';
import { networkParameters } from '../network/parameters.js';
import { lowerBranch } from './lower.js';

/** Size of the device program's arena: all that the branch holds at once besides its weights, up to the last exit. */
export function arenaBytes(network: JointNetwork): number {
  // The layout doesn't depend on values.
  const zeros: NamedArrays = {};
  for (const { name, shape } of networkParameters(network)) {
    if (name.startsWith('full.')) continue;
    zeros[name] = { shape, values: new Float32Array(shape.reduce((all, size) => all * size, 1)) };
  }
  return lowerBranch(network, zeros).arenaBytes;
}
