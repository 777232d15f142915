import * as tf from '@tensorflow/tfjs-core';
import { sum } from '../base/statistics.js';
import { evaluationBatches } from '../datasets/batches.js';
import type { Dataset } from '../datasets/dataset.js';
import { evenSample } from '../datasets/even-sample.js';
import { splitTrainValidation } from '../datasets/split.js';
import type { JointNetwork } from '../network/layers.js';
import { type ActivationRanges, levelOutputs } from '../network/levels.js';
import { networkParameters } from '../network/parameters.js';
import type { TensorFunction } from '../onnx/trace.js';
import type { Config } from '../run/config.js';
import type { Engine } from './engines/engine.js';
import { observeChain } from './forward.js';

/** This many training images are enough. */
const MOST_IMAGES = 200;
const BATCH = 10;

/**
 * The ranges of the activations that become levels, on an even sample of the training images: the smallest and largest value
 * of an image, averaged over the images; the largest of all for the images themselves. Rare extremes are clipped, which
 * leaves more levels to the rest.
 */
export async function measureRanges(
  engine: Engine,
  network: JointNetwork,
  dataset: Dataset,
  { validation, seed }: Pick<Config, 'validation' | 'seed'>,
): Promise<ActivationRanges> {
  const { train } = splitTrainValidation(dataset.train, validation, seed);
  const indices = Int32Array.from(evenSample([...train], Math.min(MOST_IMAGES, train.length)));
  const size = Math.min(BATCH, indices.length);
  const observe = await engine.compile(
    extremesOf(network),
    networkParameters(network).map(({ name }) => name),
    { images: [size, ...network.input] },
  );
  const seen: Record<string, { least: number[]; most: number[] }> = {};
  for await (const batch of evaluationBatches(dataset, dataset.train, size, indices)) {
    if (batch.size < size) break;
    for (const [name, values] of Object.entries(await observe({ images: batch.images }))) {
      const [, kind, layer] = /^(least|most) (.+)$/.exec(name)!;
      seen[layer] ??= { least: [], most: [] };
      seen[layer][kind as 'least' | 'most'].push(...values);
    }
  }
  await engine.release(observe);
  const mean = (values: readonly number[]) => sum(values) / values.length;
  return Object.fromEntries(
    Object.entries(seen).map(([name, { least, most }]) => [
      name,
      name === 'image' ? [Math.min(...least), Math.max(...most)] : [mean(least), mean(most)],
    ]),
  );
}

/** The smallest and largest value of every image, for each activation that becomes levels. */
function extremesOf(network: JointNetwork): TensorFunction {
  const { shared, outputs } = levelOutputs(network);
  return (inputs) => {
    const extremes: tf.NamedTensorMap = {};
    const add = (name: string, x: tf.Tensor): void => {
      const rows = tf.reshape(x, [x.shape[0], -1]);
      extremes[`least ${name}`] = tf.neg(tf.max(tf.neg(rows), 1));
      extremes[`most ${name}`] = tf.max(rows, 1);
    };
    add('image', inputs.images);
    observeChain(shared, inputs, inputs.images, (placed, y) => {
      const name = outputs.get(placed);
      if (name !== undefined) add(name, y);
    });
    return extremes;
  };
}
