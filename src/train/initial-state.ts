import { normal, random } from '../base/random.js';
import type { NamedArrays } from '../base/tensors.js';
import { filterScales } from '../network/filter-scale.js';
import type { JointNetwork } from '../network/layers.js';
import { networkParameters } from '../network/parameters.js';
import type { OptimizerName } from './optimizers.js';
import { optimizerSlots, type StepOptions } from './step.js';

/** Initial values of all parameters (He et al. 2015, by seed; learned scales at α) and of the optimiser's slots (0). */
export function initialState(network: JointNetwork, optimizer: OptimizerName, seed: number): NamedArrays {
  const parameters = initialParameters(network, seed);
  return { ...parameters, ...initialSlots(parameters, network, { optimizer }) };
}

/**
 * Initial values of the tensors that training keeps besides the parameters.
 *
 * @param parameters initial values of the parameters
 */
export function initialSlots(
  parameters: NamedArrays,
  network: JointNetwork,
  options: Pick<StepOptions, 'optimizer' | 'freezeFull' | 'views' | 'fineTune' | 'averageDecay'>,
): NamedArrays {
  return Object.fromEntries(
    optimizerSlots(network, options).map(({ name, parameter, startsAsCopy }) => {
      const values = startsAsCopy ? parameters[parameter.name].values.slice() : undefined;
      return [name, { shape: parameter.shape, values: values ?? new Float32Array(sizeOf(parameter.shape)) }];
    }),
  );
}

/** Initial values of the parameters only. */
export function initialParameters(network: JointNetwork, seed: number): NamedArrays {
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
  return state;
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);
