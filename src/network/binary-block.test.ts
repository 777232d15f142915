import { describe, expect, it } from 'vitest';
import type { BinaryOptions } from './binary-block.js';
import type { Layer } from './layers.js';
import { networkParameters } from './parameters.js';
import { placeLayers } from './shapes.js';
import { createNetwork } from './zoo/index.js';

const shown = (layers: readonly Layer[]): string =>
  layers
    .map((layer) =>
      layer.type === 'residual'
        ? `(${shown(layer.body)} | ${shown(layer.shortcut)})`
        : 'name' in layer
          ? layer.name
          : layer.type,
    )
    .join(' ');
const lenet = (options: BinaryOptions) => shown(createNetwork('lenet', [28, 28, 1], 10, options).branch);
const resnet = (options: BinaryOptions) => createNetwork('resnet18', [32, 32, 3], 10, options).branch;
const stage2 = (options: BinaryOptions) => {
  const first = resnet(options).findIndex((layer) => shown([layer]).includes('layer2-0-conv1'));
  return shown([resnet(options)[first]]);
};

describe('around a binary layer stand', () => {
  it.each<[BinaryOptions, string]>([
    [{ norm: 'before', activation: 'none' }, 'bn1 conv2 max-pool bn2 flatten fc1 fc2'],
    [{ norm: 'after' }, 'conv2 bn1 prelu1 max-pool flatten fc1 bn2 prelu2 fc2'],
    [
      { norm: 'after', signShift: true, activation: 'rprelu' },
      'sign1 conv2 bn1 prelu1-in prelu1 prelu1-out max-pool sign2 flatten fc1 bn2 prelu2-in prelu2 prelu2-out fc2',
    ],
    [{ activation: 'hardtanh' }, 'bn1 conv2 bn2 hard-tanh max-pool bn3 flatten fc1 bn4 hard-tanh fc2'],
    [{ signShift: true, activation: 'relu' }, 'bn1 conv2 bn2 relu max-pool bn3 flatten fc1 bn4 relu fc2'],
  ])('%j', (options, layers) => expect(lenet(options)).toBe(layers));
});

describe('a shortcut where the size changes', () => {
  it.each<[BinaryOptions, string]>([
    [{}, '(bn9 layer2-0-conv1 bn10 | average-pool repeat-channels)'],
    [{ norm: 'after', downsample: 'float' }, '(layer2-0-conv1 bn5 | average-pool layer2-0-conv1-shortcut bn6)'],
    [{ downsample: 'binary' }, '(bn9 layer2-0-conv1 bn10 | average-pool bn11 layer2-0-conv1-shortcut bn12)'],
    [
      { norm: 'after', shortcuts: 'block' },
      '(layer2-0-conv1 bn5 prelu5 layer2-0-conv2 bn6 | average-pool repeat-channels)',
    ],
  ])('%j', (options, layers) => expect(stage2(options)).toBe(layers));
});

it('every combination fits ResNets and LeNet, and names each parameter once', () => {
  for (const norm of ['both', 'before', 'after'] as const)
    for (const activation of ['prelu', 'rprelu', 'hardtanh', 'relu', 'none'] as const)
      for (const downsample of ['free', 'float', 'binary'] as const)
        for (const shortcuts of ['convolution', 'block'] as const) {
          const options = { norm, activation, downsample, shortcuts, signShift: true, filterScale: 'learned' } as const;
          for (const name of ['lenet', 'resnet18', 'resnet50', 'mobilenet-v2']) {
            const network = createNetwork(name, [33, 32, 3], 10, { width: 0.25, ...options });
            placeLayers(network);
            const names = networkParameters(network).map((parameter) => parameter.name);
            expect(new Set(names).size).toBe(names.length);
          }
        }
});
