import type { NamedArrays } from '../base/tensors.js';
import { filterScales } from '../network/filter-scale.js';
import { isBranch, type JointNetwork } from '../network/layers.js';
import { networkParameters } from '../network/parameters.js';

/**
 * Initialises the branches' kernels with those of the trained full network (as ReCU does, arXiv 2103.12369), in place.
 * Each kernel of a branch takes the full network's next kernel of the same shape, in the order of the layers. If there
 * is no such kernel, it stays as it is. Latent weights are clipped to [-1, 1], as in training.
 *
 * @returns the names of the kernels that were replaced
 */
export function startBranchFromFull(parameters: NamedArrays, network: JointNetwork): string[] {
  const kernels = networkParameters(network).filter(({ name }) => name.endsWith('.kernel'));
  const sources = kernels.filter(({ name }) => name.startsWith('full.'));
  const used = new Map<string, number>(); // per branch: where to search for its next source
  const replaced = kernels
    .filter(({ name }) => isBranch(name))
    .flatMap(({ name, shape, role }) => {
      const part = name.slice(0, name.indexOf('.'));
      const from = used.get(part) ?? 0;
      const offset = sources.slice(from).findIndex((source) => source.shape.join() === shape.join());
      if (offset < 0) return [];
      used.set(part, from + offset + 1);
      const { values } = parameters[sources[from + offset].name];
      const clipped = role === 'latent' ? values.map((value) => Math.min(Math.max(value, -1), 1)) : values.slice();
      parameters[name] = { shape, values: clipped };
      return [name];
    });
  for (const { name, start } of networkParameters(network)) {
    if (!('filterScaleOf' in start) || !replaced.includes(start.filterScaleOf)) continue;
    const { values } = parameters[name];
    values.set(filterScales(parameters[start.filterScaleOf].values, values.length));
  }
  return replaced;
}
