import { normal, random } from '../src/base/random.js';
import type { NamedArrays } from '../src/base/tensors.js';
import type { JointNetwork } from '../src/network/layers.js';
import { networkParameters } from '../src/network/parameters.js';

/** A network with every layer type, strides, both paddings, sizes and channels that divide by nothing. */
export function smallNetwork(inputScale: boolean): JointNetwork {
  return {
    name: 'small',
    input: [9, 8, 2],
    classes: 3,
    shared: [
      { type: 'conv2d', name: 'conv1', filters: 5, kernel: 3, padding: 'same' },
      { type: 'max-pool', size: 2 },
    ],
    full: [
      { type: 'relu' },
      { type: 'conv2d', name: 'conv2', filters: 4, kernel: 3, stride: 2, padding: 'same' },
      { type: 'prelu', name: 'prelu2' },
      { type: 'batch-norm', name: 'bn2' },
      { type: 'flatten' },
      { type: 'dense', name: 'fc1', units: 3 },
    ],
    branch: [
      { type: 'batch-norm', name: 'bn1' },
      { type: 'binary-conv2d', name: 'conv2', filters: 7, kernel: 3, stride: 2, padding: 'same', inputScale },
      { type: 'batch-norm', name: 'bn2' },
      { type: 'prelu', name: 'prelu2' },
      { type: 'batch-norm', name: 'bn3' },
      { type: 'flatten' },
      { type: 'binary-dense', name: 'fc1', units: 6, inputScale },
      { type: 'batch-norm', name: 'bn4' },
      { type: 'relu' },
      { type: 'dense', name: 'fc2', units: 3 },
    ],
  };
}

/** Random values for every parameter, none of them special; variances are positive, gammas of either sign. */
export function randomParameters(network: JointNetwork, seed: number): NamedArrays {
  return Object.fromEntries(
    networkParameters(network).map(({ name, shape, start }, i) => {
      const next = random(seed, i);
      const count = shape.reduce((product, size) => product * size, 1);
      const value = (): number => {
        const drawn = normal(next);
        if ('normal' in start) return drawn * start.normal;
        return name.endsWith('.variance') ? 0.5 + Math.abs(drawn) : start.constant + 0.5 * drawn;
      };
      return [name, { shape, values: Float32Array.from({ length: count }, value) }];
    }),
  );
}
