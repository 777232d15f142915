import { describe, expect, it } from 'vitest';
import { UserError } from '../base/errors.js';
import { networkCost } from './cost.js';
import type { JointNetwork } from './layers.js';
import { networkParameters } from './parameters.js';
import { outputShape, placeLayers, sharedShape, windowed } from './shapes.js';
import { createNetwork } from './zoo/index.js';

const lenet = createNetwork('lenet', [28, 28, 1], 10);

describe('LeNet of Table 1', () => {
  it('has 431,080 full-precision parameters', () => {
    expect(networkCost(lenet).full.floatParameters).toBe(431_080);
  });

  it('has the binary weights of a 50@5x5 convolution over 20 channels and of an 800 to 500 dense layer', () => {
    expect(networkCost(lenet).device.binaryWeights).toBe(50 * 5 * 5 * 20 + 800 * 500);
  });

  it('sends 12x12x20 values to the edge', () => {
    expect(sharedShape(lenet)).toEqual([12, 12, 20]);
  });

  it('counts multiplications as written by hand', () => {
    const { full, device } = networkCost(lenet);
    expect(full.macs).toBe(24 * 24 * 20 * 25 + 8 * 8 * 50 * 500 + 800 * 500 + 500 * 10);
    expect(device.binaryOps).toBe(8 * 8 * 50 * 500 + 800 * 500);
  });

  it('names every parameter once', () => {
    const names = networkParameters(lenet).map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('shapes', () => {
  it('pads "same" to ceil(size / stride) with the odd row at the end', () => {
    expect(windowed(8, 3, 1, 'same')).toEqual({ out: 8, before: 1 });
    expect(windowed(8, 3, 2, 'same')).toEqual({ out: 4, before: 0 });
    expect(windowed(7, 3, 2, 'same')).toEqual({ out: 4, before: 1 });
  });

  it('explains a layer that does not fit', () => {
    expect(() => outputShape({ type: 'conv2d', name: 'a', filters: 1, kernel: 5 }, [4, 4, 1])).toThrow(UserError);
    expect(() => outputShape({ type: 'dense', name: 'a', units: 1 }, [4, 4, 1])).toThrow(/flatten/);
    expect(() => outputShape({ type: 'max-pool', size: 2 }, [4])).toThrow(/an image/);
  });

  it('wants both branches to end in the logits', () => {
    const cut: JointNetwork = { ...lenet, branch: lenet.branch.slice(0, -1) };
    expect(() => placeLayers(cut)).toThrow('expected the branch part to end in 10 logits, found [500]');
  });
});

describe('the zoo', () => {
  it('names what it has when asked for what it has not', () => {
    expect(() => createNetwork('lenet-6', [28, 28, 1], 10)).toThrow('expected one of: lenet');
  });
});
