import { describe, expect, it } from 'vitest';
import { UserError } from '../base/errors.js';
import { networkCost } from './cost.js';
import type { JointNetwork } from './layers.js';
import { networkParameters } from './parameters.js';
import { outputShape, placeLayers, sharedShape, sharedShapes, windowed } from './shapes.js';
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

describe('a network with several exits', () => {
  const several = createNetwork('lenet', [28, 28, 1], 10, { attach: 'conv1, conv2,fc1' });

  it('places the trunk in the order of its layers, then the branches', () => {
    const parts = [...new Set(placeLayers(several).map(({ part }) => part))];
    expect(parts).toEqual(['shared', 'shared2', 'shared3', 'full', 'branch', 'branch2', 'branch3']);
    expect(sharedShapes(several)).toEqual([[12, 12, 20], [4, 4, 50], [500]]);
    expect(sharedShape(several)).toEqual([500]);
    expect(networkParameters(several).map(({ name }) => name)).toContain('branch2.fc1.kernel');
  });

  it('has the full network and the first branch of one with one exit', () => {
    const [one, more] = [networkCost(lenet), networkCost(several)];
    expect(more.full).toEqual(one.full);
    expect(more.exits[0]).toEqual(one.device);
    expect(several.branch).toEqual(lenet.branch);
  });

  it('prices each exit with everything up to it', () => {
    const { exits, device, layers } = networkCost(several);
    const conv2 = 8 * 8 * 50 * 500;
    expect(exits.map(({ binaryOps }) => binaryOps)).toEqual([conv2 + 400_000, conv2 + 800_000, conv2 + 800_000]);
    expect(exits[1].macs - exits[0].macs).toBeGreaterThan(conv2);
    expect(exits[2]).toEqual(device);
    const onDevice = layers.filter(({ part }) => part !== 'full');
    expect(device.bytes).toBe(onDevice.reduce((sum, { bytes }) => sum + bytes, 0));
  });

  it('wants every branch to end in the logits', () => {
    const [second, third] = several.further!;
    const cut = { ...several, further: [second, { ...third, branch: [{ type: 'flatten' } as const] }] };
    expect(() => placeLayers(cut)).toThrow(/expected the branch3 part to end in 10 logits, found \[\d+\]/);
  });
});

describe('shapes', () => {
  it('pads "same" to ceil(size / stride) with the odd row at the end', () => {
    expect(windowed(8, 3, 1, 'same', 0)).toEqual({ out: 8, before: 1 });
    expect(windowed(8, 3, 2, 'same', 0)).toEqual({ out: 4, before: 0 });
    expect(windowed(7, 3, 2, 'same', 0)).toEqual({ out: 4, before: 1 });
  });

  it('pads each side by its own number', () => {
    expect([0, 1].map((axis) => windowed(8, 3, 2, [0, 2, 1, 3], axis))).toEqual([
      { out: 4, before: 0 },
      { out: 6, before: 2 },
    ]);
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
