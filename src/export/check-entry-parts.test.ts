import { describe, expect, it } from 'vitest';
import { zooEncoding } from '../../test/zoo-bundle.js';
import { random } from '../base/random.js';
import type { Manifest } from '../bundle/manifest.js';
import { deployedState } from '../network/deployed.js';
import { createNetwork } from '../network/zoo/index.js';
import { initialState } from '../train/initial-state.js';
import type { LoaderAndTails } from './check-bundle.js';
import { checkEntryParts } from './check-entry-parts.js';
import { entryParts, entryPoints } from './entry-points.js';
import { lowerBranch } from './lower.js';
import { runReference } from './run-reference.js';
import { encode, UPLINKS } from './uplink/encoding.js';

const input: Manifest['input'] = { shape: [16, 16, 3], mean: [0.5, 0.4, 0.3], std: [0.25, 0.25, 0.3] };
const network = createNetwork('lenet', input.shape, 3, { attach: 'conv1,conv2' });
const state = deployedState(network, initialState(network, 'momentum', 3));
const program = lowerBranch(network, state);
const next = random(4);
const images = Array.from({ length: 3 }, () =>
  Float32Array.from(
    { length: 16 * 16 * 3 },
    (_, i) => (Math.floor(256 * next()) / 255 - input.mean[i % 3]) / input.std[i % 3],
  ),
);

describe('what the edge computes before the tail', () => {
  it.each(UPLINKS.filter((uplink) => uplink !== 'image'))('is what the device sends as %s', async (uplink) => {
    const encoding = zooEncoding(network, state, uplink);
    const parts = entryParts(network, input, encoding);
    const { entries, entryModels } = entryPoints(parts, network, state, 'lenet');
    expect(entries).toMatchObject([
      { from: 'image', model: 'lenet-image', files: ['edge/image.onnx', 'edge/exit1.onnx', 'edge/tail.onnx'] },
      { from: 1, model: 'lenet-exit1', files: ['edge/exit1.onnx', 'edge/tail.onnx'] },
    ]);
    const device = {
      branch: (image: Float32Array, exit: number) => runReference(program, image, exit),
      edge: async (image: Float32Array) => ({ sent: encode(runReference(program, image, 1).shared, encoding) }),
    } as unknown as LoaderAndTails;
    const models = [...entryModels.values()];
    await checkEntryParts(device, parts, models, images);

    const other = entryPoints(parts, network, deployedState(network, initialState(network, 'momentum', 5)), 'lenet');
    const wrong = [models[0], [...other.entryModels.values()][1]];
    await expect(checkEntryParts(device, parts, wrong, images)).rejects.toThrow(
      /what the edge computes from exit 1 differs from the device by .* on check image 0/,
    );
  });

  it('is nothing if devices send the image', () => {
    const parts = entryParts(network, input, zooEncoding(network, state, 'image'));
    expect(entryPoints(parts, network, state, 'lenet')).toEqual({ entryModels: new Map() });
  });
});
