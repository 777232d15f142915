import { normal, random } from '../base/random.js';
import type { NamedArrays } from '../base/tensors.js';
import { filterScales } from '../network/filter-scale.js';
import type { JointNetwork } from '../network/layers.js';
import { networkParameters } from '../network/parameters.js';
import type { OptimizerName } from './optimizers.js';
import { optimizerSlots } from './step.js';

/** Start values of parameters (He et al. 2015, by seed; learned scales at α) and of optimiser slots (0). */
export function initialState(
  network: JointNetwork,
  optimizer: OptimizerName,
  seed: number,
  freezeFull = false,
): NamedArrays {
  const state: NamedArrays = {};
  networkParameters(network).forEach(({ name, shape, start }, i) => {
    const values = new Float32Array(sizeOf(shape));
    if ('constant' in start) {
      values.fill(start.constant);
    } else if ('filterScaleOf' in start) {
      values.set(filterScales(state[start.filterScaleOf].values, values.length));
    } else {
      const next = random(seed, i);
      for (let j = 0; j < values.length; j++) values[j] = normal(next) * start.normal;
    }
    state[name] = { shape, values };
  });
  for (const { name, parameter } of optimizerSlots(network, optimizer, freezeFull)) {
    state[name] = { shape: parameter.shape, values: new Float32Array(sizeOf(parameter.shape)) };
  }
  return state;
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);
