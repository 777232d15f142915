import { describe, expect, it, test } from 'vitest';
import { parseBranch } from '../branch.js';
import { networkCost } from '../cost.js';
import { deployedState } from '../deployed.js';
import type { JointNetwork, Layer } from '../layers.js';
import { networkParameters } from '../parameters.js';
import { placeLayers, sharedShape } from '../shapes.js';
import { createNetwork, networkNames } from './index.js';

const IMAGENET: JointNetwork['input'] = [224, 224, 3];
const CIFAR: JointNetwork['input'] = [32, 32, 3];

const allLayers = (layers: readonly Layer[]): Layer[] =>
  layers.flatMap((layer) =>
    layer.type === 'residual' ? [layer, ...allLayers(layer.body), ...allLayers(layer.shortcut)] : [layer],
  );
const typesOf = (layers: readonly Layer[]): string[] => allLayers(layers).map(({ type }) => type);
const count = (layers: readonly Layer[], type: Layer['type']): number =>
  typesOf(layers).filter((other) => other === type).length;

describe('parameters of the full network are those of the literature', () => {
  test.each([
    ['alexnet', IMAGENET, 1000, 61_100_840],
    ['vgg16', IMAGENET, 1000, 138_357_544],
    ['resnet18', IMAGENET, 1000, 11_689_512],
    ['vgg11', IMAGENET, 1000, 132_863_336],
    ['vgg13-bn', IMAGENET, 1000, 133_053_736],
    ['vgg16-bn', IMAGENET, 1000, 138_365_992],
    ['vgg19', IMAGENET, 1000, 143_667_240],
    ['resnet34', IMAGENET, 1000, 21_797_672],
    ['resnet50', IMAGENET, 1000, 25_557_032],
    ['resnet101', IMAGENET, 1000, 44_549_160],
    ['resnet152', IMAGENET, 1000, 60_192_808],
    ['efficientnet-lite0', IMAGENET, 1000, 4_652_008],
    ['tf-efficientnet-lite0', IMAGENET, 1000, 4_652_008],
    ['mobilenet-v1', IMAGENET, 1000, 4_231_976],
    ['mobilenet-v2', IMAGENET, 1000, 3_504_872],
    ['lenet', [28, 28, 1], 10, 431_080],
    ['alexnet', CIFAR, 10, 23_272_266],
    ['vgg16', CIFAR, 10, 14_728_266],
    ['resnet18', CIFAR, 10, 11_173_962],
    ['resnet50', CIFAR, 10, 23_520_842],
  ] as const)('%s for images of %j, %d classes: %d', (name, input, classes, parameters) => {
    expect(networkCost(createNetwork(name, input, classes)).full.floatParameters).toBe(parameters);
  });
});

it('the form of the first layers can be chosen at any size', () => {
  const parametersOf = (form: 'small' | 'large', input: JointNetwork['input']) =>
    networkParameters(createNetwork('resnet18', input, 10, { form }))[0].shape;
  expect(parametersOf('large', [64, 64, 3])).toEqual([7, 7, 3, 64]);
  expect(parametersOf('small', IMAGENET)).toEqual([3, 3, 3, 64]);
});

describe.each(networkNames)('%s', (name) => {
  const inputs: JointNetwork['input'][] = name === 'lenet' ? [[28, 28, 1]] : [CIFAR, IMAGENET, [48, 40, 3]];

  it('names every parameter once, in every form', () => {
    for (const input of inputs) {
      const names = networkParameters(createNetwork(name, input, 7)).map((parameter) => parameter.name);
      expect(new Set(names).size).toBe(names.length);
    }
  });

  it('mirrors every hidden convolution and dense layer in binary, and keeps depthwise and last layers in float', () => {
    for (const input of inputs) {
      const { full, branch } = createNetwork(name, input, 7);
      const hidden = full.flatMap((layer) => (layer.type === 'residual' ? allLayers(layer.body) : [layer]));
      expect(count(branch, 'binary-conv2d')).toBe(count(hidden, 'conv2d'));
      expect(count(branch, 'depthwise-conv2d')).toBe(count(hidden, 'depthwise-conv2d'));
      expect(count(branch, 'binary-dense')).toBe(count(full, 'dense') - 1);
      expect(count(branch, 'conv2d')).toBe(0);
      expect(branch.at(-1)).toEqual(full.at(-1));
    }
  });

  it('scales filters with its width', () => {
    const parameters = (width: number) =>
      networkCost(createNetwork(name, inputs[0], 7, { width })).full.floatParameters;
    expect(parameters(0.5)).toBeLessThan(parameters(1) / 2);
    expect(parameters(2)).toBeGreaterThan(parameters(1) * 2);
    expect(parameters(0.001)).toBeGreaterThan(0);
  });
});

describe('the branch', () => {
  it('of LeNet is the one of the trials: BN, binary layer, BN and PReLU, pool', () => {
    const names = createNetwork('lenet', [28, 28, 1], 10).branch.map((layer) =>
      'name' in layer ? layer.name : layer.type,
    );
    expect(names.join(' ')).toBe('bn1 conv2 bn2 prelu2 max-pool bn3 flatten fc1 bn4 prelu4 fc2');
  });

  it('has a shortcut around every binary convolution of ResNet18, none of which has parameters', () => {
    const { branch } = createNetwork('resnet18', CIFAR, 10);
    const blocks = branch.filter((layer) => layer.type === 'residual');
    expect(blocks).toHaveLength(16);
    for (const { body, shortcut } of blocks) {
      expect(count(body, 'binary-conv2d')).toBe(1);
      expect(shortcut.every(({ type }) => type === 'average-pool' || type === 'repeat-channels')).toBe(true);
    }
  });

  it('has one shortcut around those bottlenecks of ResNet50 whose convolutions drop channels', () => {
    const blocks = createNetwork('resnet50', CIFAR, 10).branch.filter((layer) => layer.type === 'residual');
    expect(blocks.map(({ body }) => count(body, 'binary-conv2d'))).toEqual([1, 1, 1, ...new Array(15).fill(3)]);
  });

  it.each([30, 33, 45, 50])('of ResNet18 fits images of %d pixels, whose halves are odd', (side) => {
    expect(() => placeLayers(createNetwork('resnet18', [side, side, 3], 10))).not.toThrow();
  });

  it('has as many binary layers as asked for (Fig. 7)', () => {
    for (const [conv, fc] of [
      [4, 2],
      [2, 1],
      [1, 3],
      [0, 0],
    ]) {
      const network = createNetwork('alexnet', CIFAR, 10, { branch: { conv, fc } });
      expect(count(network.branch, 'binary-conv2d')).toBe(conv);
      expect(count(network.branch, 'binary-dense')).toBe(fc);
      placeLayers(network);
    }
    expect(count(createNetwork('resnet18', CIFAR, 10, { branch: { conv: 4, fc: 1 } }).branch, 'binary-dense')).toBe(1);
  });

  it('tells its layers apart, however many there are', () => {
    for (const [name, input] of [
      ['lenet', CIFAR],
      ['alexnet', CIFAR],
      ['vgg16', CIFAR],
      ['resnet18', CIFAR],
    ] as const) {
      for (const fc of [0, 1, 2, 3, 4]) {
        const { branch } = createNetwork(name, input, 10, { branch: { conv: 0, fc } });
        const names = branch.flatMap((layer) => ('name' in layer ? [layer.name] : []));
        expect(new Set(names).size).toBe(names.length);
      }
    }
  });

  it('says what sizes there are', () => {
    const alexnet = (conv: number) => createNetwork('alexnet', CIFAR, 10, { branch: { conv, fc: 0 } });
    expect(() => alexnet(5)).toThrow('expected one of 0, 1, 2, 3, 4 convolutions, found 5');
    expect(() => parseBranch('conv=1')).toThrow('expected mirror, float, none, blocks=N, or conv=N,fc=M, found conv=1');
    expect(parseBranch('conv=1,fc=0')).toEqual({ conv: 1, fc: 0 });
    expect(parseBranch('mirror')).toBe('mirror');
  });

  it('attaches behind the named layer, with the normalisation and pool that follow', () => {
    expect(sharedShape(createNetwork('alexnet', CIFAR, 10, { attach: 'conv2' }))).toEqual([4, 4, 192]);
    expect(sharedShape(createNetwork('resnet18', IMAGENET, 10))).toEqual([56, 56, 64]);
    expect(sharedShape(createNetwork('resnet18', CIFAR, 10, { attach: 'layer2-1' }))).toEqual([16, 16, 128]);
    expect(sharedShape(createNetwork('lenet', [28, 28, 1], 10, { attach: 'fc1' }))).toEqual([500]);
  });

  it.each([
    ['conv3,conv1', 'attach: expected layers in the order of the network, each once, found conv1 after conv3'],
    ['conv1,conv1', 'each once, found conv1 after conv1'],
    ['conv1,conv9', 'attach: no layer conv9; expected one of: conv1, conv2, conv3, conv4, conv5, fc1, fc2'],
    ['conv1,', 'attach: no layer ; expected one of: conv1'],
    ['', 'attach: no layer ; expected one of: conv1'],
  ])('of several exits comes in order: %j', (attach, message) => {
    expect(() => createNetwork('alexnet', CIFAR, 10, { attach })).toThrow(message);
  });

  it('of every exit has the size that was asked for, where there are layers for it', () => {
    const alexnet = (conv: number) =>
      createNetwork('alexnet', CIFAR, 10, { attach: 'conv1,conv3', branch: { conv, fc: 1 } });
    const { branch, further } = alexnet(2);
    for (const layers of [branch, further![0].branch]) expect(count(layers, 'binary-conv2d')).toBe(2);
    expect(() => alexnet(3)).toThrow('branch after conv3: expected one of 0, 1, 2 convolutions, found 3');
  });

  it.each(networkNames)('of %s may be float exits, or none', (name) => {
    const [float, alone] = (['float', 'none'] as const).map((branch) =>
      createNetwork(name, [64, 64, 3], 7, { width: 0.1, branch }),
    );
    expect(count(float.branch, 'conv2d')).toBe(1);
    expect(JSON.stringify(float.branch)).not.toContain('binary');
    expect(networkCost(alone).full).toEqual(networkCost(float).full);
    expect(networkCost(alone).device).toEqual(networkCost(alone).full);
    const state = Object.fromEntries(
      networkParameters(float).map(({ name: parameter, shape }) => [parameter, { shape, values: new Float32Array() }]),
    );
    expect(deployedState(float, state)).toEqual(state);
  });

  it('names the layers it can attach to', () => {
    expect(() => createNetwork('lenet', [28, 28, 1], 10, { attach: 'conv9' })).toThrow(
      'attach: no layer conv9; expected one of: conv1, conv2, fc1',
    );
  });
});
