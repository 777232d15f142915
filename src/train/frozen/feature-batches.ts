import { permutation, random } from '../../base/random.js';
import { headInputs } from '../../network/head.js';
import type { JointNetwork } from '../../network/layers.js';
import { featuresOf } from '../../network/shapes.js';
import type { InputShapes } from '../../onnx/trace.js';
import type { Config } from '../../run/config.js';
import type { FeatureFile } from './feature-file.js';

/** Arrays for the head's inputs for `size` samples, and a function that fills them with records. */
export function createInputs(network: JointNetwork, config: Config, size: number) {
  const parts = Object.entries(headInputs(network, config.fineTune)).map(([name, shape]) => ({
    name,
    shape,
    length: featuresOf(shape),
  }));
  const record = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  const inputs = Object.fromEntries(parts.map(({ name, length }) => [name, new Float32Array(size * length)]));
  const shapes: InputShapes = Object.fromEntries(parts.map(({ name, shape }) => [name, [size, ...shape]]));
  return {
    size,
    shapes,
    read(features: FeatureFile, records: ArrayLike<number>): Record<string, Float32Array> {
      for (let i = 0; i < records.length; i++) {
        features.read(records[i], record);
        let offset = 0;
        for (const { name, length } of parts) {
          inputs[name].set(record.subarray(offset, offset + length), i * length);
          offset += length;
        }
      }
      return inputs;
    },
  };
}

/**
 * The batches of an epoch, as records in the file of features: a pass over all views of some images in random order. An
 * incomplete batch at its end is left out. The image of a record is its remainder after division by `images`.
 *
 * @param chosen images to train on
 * @param images number of images in the training split
 * @param from number of the first batch
 */
export function* viewBatches(
  chosen: Int32Array,
  images: number,
  { views, batchSize, seed }: Pick<Config, 'views' | 'batchSize' | 'seed'>,
  epoch: number,
  from = 0,
): Generator<Int32Array> {
  const samples = chosen.length * views;
  const order = permutation(random(seed, epoch), samples);
  for (let index = from; (index + 1) * batchSize <= samples; index++) {
    const batch = order.subarray(index * batchSize, (index + 1) * batchSize);
    yield batch.map((sample) => Math.floor(sample / chosen.length) * images + chosen[sample % chosen.length]);
  }
}
