import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { afterAll, describe, expect, it } from 'vitest';
import { randomParameters } from '../../test/small-network.js';
import { normal, random } from '../base/random.js';
import type { NamedArrays } from '../base/tensors.js';
import { loadDataset } from '../datasets/load-dataset.js';
import { floatModel } from '../export/float-model.js';
import type { Shape } from '../network/layers.js';
import { featuresOf } from '../network/shapes.js';
import { createNetwork } from '../network/zoo/index.js';
import { resolveConfig } from '../run/config.js';
import { createRun, networkOf, readRunCheckpoint } from '../run/run-directory.js';
import { calibratingImages } from '../train/calibration-images.js';
import { createEngine } from '../train/engines/index.js';
import { modelAccuracy } from '../train/model-accuracy.js';
import { trainNetwork } from '../train/train.js';
import { int8Model } from './int8-model.js';
import { decodeModel } from './onnx-model.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-int8-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const FULL = ['shared', 'full'] as const;
const BATCH = 8;

async function logitsOf(model: Uint8Array, images: Float32Array, shape: readonly number[]): Promise<Float32Array> {
  const session = await ort.InferenceSession.create(model);
  const { logits } = await session.run({ shared: new ort.Tensor('float32', images, [BATCH, ...shape]) });
  await session.release();
  return logits.data as Float32Array;
}

/** Random parameters at which activations neither vanish nor grow, as training leaves them. */
function tame(state: NamedArrays): NamedArrays {
  for (const [name, { values }] of Object.entries(state)) {
    if (name.endsWith('.gamma')) values.set(values.map((gamma) => 1 + (gamma - 1) / 5));
    if (name.endsWith('.mean')) values.fill(0);
  }
  return state;
}

describe('a network in 8 bits', () => {
  it('answers test images as rightly as in float, within a point', async () => {
    const config = resolveConfig({ epochs: 2, width: 0.3, branch: 'none', batchSize: 50, validation: 3000 });
    const dataset = await loadDataset(config.dataset);
    const run = createRun(join(folder, 'run'), config, networkOf(config, dataset.shape, 10));
    const engine = await createEngine('onnxruntime');
    await trainNetwork({ run, dataset, engine });
    await engine.dispose();
    const float = floatModel(run.network, readRunCheckpoint(run).state, FULL);
    const images = await calibratingImages(config, dataset);
    const int8 = await int8Model(float, images, dataset.shape);
    expect(int8.length).toBeLessThan(0.3 * float.length);
    const [inFloat, inInt8] = [
      await modelAccuracy(float, dataset, dataset.test),
      await modelAccuracy(int8, dataset, dataset.test),
    ];
    expect(inFloat.images).toBe(1000);
    expect(inFloat.share).toBeGreaterThan(0.7);
    expect(Math.abs(inInt8.share - inFloat.share)).toBeLessThan(0.01);
  });

  it.each([
    ['resnet18', [32, 32, 3], 0.25],
    ['vgg16', [32, 32, 3], 0.1],
    ['mobilenet-v2', [32, 32, 3], 0.5],
  ] as const)('of %s gives nearly the same logits', async (name, input, width) => {
    const network = createNetwork(name, input, 10, { width });
    const float = floatModel(network, tame(randomParameters(network, 1)), FULL);
    const next = random(2);
    const images = Float32Array.from({ length: BATCH * featuresOf(input as Shape) }, () => normal(next));
    const int8 = await int8Model(float, images, input);
    const types = decodeModel(int8).nodes.map(({ opType }) => opType);
    expect(types).not.toContain('BatchNormalization');
    expect(types).not.toContain('Relu');
    const [want, got] = [await logitsOf(float, images, input), await logitsOf(int8, images, input)];
    const energy = (values: Float32Array) => values.reduce((sum, value) => sum + value * value, 0);
    expect(Math.sqrt(energy(got.map((value, i) => value - want[i])) / energy(want))).toBeLessThan(0.2);
  });
});
