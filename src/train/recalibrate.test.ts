import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { expectClose } from '../../test/one-step.js';
import { randomParameters, smallNetwork } from '../../test/small-network.js';
import { integer, random } from '../base/random.js';
import { trainingBatches } from '../datasets/batches.js';
import type { Dataset } from '../datasets/dataset.js';
import { type Config, resolveConfig } from '../run/config.js';
import { createEagerEngine } from './engines/eager.js';
import { forward } from './forward.js';
import { recalibrate } from './recalibrate.js';

const network = smallNetwork(false);
const count = 12;
const next = random(5);
const bytes = Uint8Array.from({ length: count * 9 * 8 * 2 }, () => integer(next, 256));
const split = { count, pixels: { in: 'memory', bytes }, labels: new Uint16Array(count) } as const;
const dataset: Dataset = {
  name: 'random',
  labels: ['a', 'b', 'c'],
  mean: [0.5, 0.5],
  std: [0.3, 0.3],
  shape: network.input,
  stored: network.input,
  train: split,
  test: split,
};
const indices = Int32Array.from({ length: count }, (_, i) => i);

async function recalibrated(options: Partial<Config>) {
  const engine = createEagerEngine('cpu', 'cpu');
  const before = randomParameters(network, 1);
  engine.setState(before);
  const config = resolveConfig({ batchSize: 6, epochs: 3, ...options });
  await recalibrate(engine, { config, network }, dataset, indices);
  const after = await engine.getState();
  await engine.dispose();
  return { before, after, config };
}

it('makes inference on one batch equal to training on it', async () => {
  const { after } = await recalibrated({ recalibration: 1, batchSize: count });
  const order = { batchSize: count, seed: 1, epoch: 3 };
  for await (const { images } of trainingBatches(dataset, split, indices, order)) {
    const logits = (training: boolean) =>
      tf.tidy(() => {
        const parameters = Object.fromEntries(
          Object.entries(after).map(([name, { shape, values }]) => [name, tf.tensor(values, [...shape])]),
        );
        const pass = forward(network, parameters, tf.tensor(images, [count, ...network.input]), () => training);
        return [pass.full, ...pass.branches].map((tensor) => tensor.dataSync<'float32'>());
      });
    const [trained, inferred] = [logits(true), logits(false)];
    trained.forEach((values, i) => {
      expectClose(inferred[i], values, 1e-4, `logits ${i}`);
    });
  }
});

it('takes the mean over its batches, and changes nothing else', async () => {
  const [one, two] = [await recalibrated({ recalibration: 1 }), await recalibrated({ recalibration: 9 })];
  for (const [name, { values }] of Object.entries(one.before)) {
    const isStatistic = /\.(mean|variance)$/.test(name);
    if (!isStatistic) expect(two.after[name].values, name).toEqual(values);
    else expect(two.after[name].values, name).not.toEqual(one.after[name].values); // there are only 2 batches
  }
});

it('leaves a frozen full network alone', async () => {
  const { before, after } = await recalibrated({ recalibration: 2, freezeFull: true });
  expect(after['full.bn2.mean']).toEqual(before['full.bn2.mean']);
  expect(after['branch.bn1.mean'].values).not.toEqual(before['branch.bn1.mean'].values);
});
