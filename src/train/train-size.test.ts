import { describe, expect, it } from 'vitest';
import type { JointNetwork } from '../network/layers.js';
import { createNetwork } from '../network/zoo/index.js';
import { requireTrainSizes } from './train-size.js';

const cifar: JointNetwork['input'] = [32, 32, 3];
const resnet18 = createNetwork('resnet18', cifar, 10);
const required = (network: JointNetwork, trainSize: number) => () => requireTrainSizes({ trainSize }, network);

describe('the size of training images', () => {
  it.each([0, 16, 24, 32, 40])('of a network that averages over the image can be %s', (size) => {
    expect(required(resnet18, size)).not.toThrow();
  });

  it('is refused in a run and in a stage if layers would differ', () => {
    const line =
      'trainSize 20: expected a size at which resnet18 has the same layers as on 32x32 images, found another';
    expect(required(resnet18, 20)).toThrow(line);
    expect(() =>
      requireTrainSizes({ trainSize: 0, stages: [{ trains: 'full', trainSize: 20 }, { trains: 'both' }] }, resnet18),
    ).toThrow(line);
  });

  it.each([
    'lenet',
    'alexnet',
    'vgg16',
  ])("must be the network's own for %s, whose dense layers read every pixel", (name) => {
    const network = createNetwork(name, cifar, 10);
    expect(required(network, 16)).toThrow(/^trainSize 16: /);
    expect(required(network, 32)).not.toThrow();
  });
});
