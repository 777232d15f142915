import { describe, expect, it } from 'vitest';
import { smallNetwork } from '../../test/small-network.js';
import type { Layer } from './layers.js';
import { uplinkLayers } from './uplink.js';
import { createNetwork } from './zoo/index.js';

const typesOf = (layers: ReturnType<typeof uplinkLayers>) => layers.map(({ layer }) => layer.type);

describe('what the device takes over of the full network', () => {
  it.each([
    ['lenet', 28, ['relu'], [12, 12, 20]],
    ['alexnet', 32, ['relu'], [8, 8, 64]],
    ['alexnet', 224, ['relu'], [27, 27, 64]],
    ['resnet18', 32, ['relu'], [32, 32, 64]],
    ['resnet18', 224, ['relu'], [56, 56, 64]],
    ['mobilenet-v2', 224, ['relu'], [112, 112, 32]],
  ])('%s for %d: %j, which gives %j', (name, side, types, shape) => {
    const layers = uplinkLayers(createNetwork(name, [side, side, name === 'lenet' ? 1 : 3], 10));
    expect([typesOf(layers), layers.at(-1)!.output]).toEqual([types, shape]);
  });

  const relu: Layer = { type: 'relu' };
  const pool: Layer = { type: 'max-pool', size: 2 };
  it.each<[string, Layer[], string[]]>([
    ['a pool', [pool], ['max-pool']],
    ['a pool behind a ReLU', [relu, pool], ['relu', 'max-pool']],
    ['nothing behind a layer with parameters', [{ type: 'shift', name: 's' }, pool], []],
    ['no pool that makes more of it', [relu, { type: 'max-pool', size: 2, stride: 1, padding: 1 }], ['relu']],
  ])('%s', (_, before, types) => {
    const network = smallNetwork(false);
    expect(typesOf(uplinkLayers({ ...network, full: [...before, ...network.full.slice(1)] }))).toEqual(types);
  });
});
