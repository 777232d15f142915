import { evaluationBatches } from '../datasets/batches.js';
import type { Dataset } from '../datasets/dataset.js';
import { bytesOf } from '../datasets/pixels.js';
import { imagesToMeasureOn, splitTrainValidation } from '../datasets/split.js';
import type { Config } from '../run/config.js';

/** This many images are enough to find the ranges of activations. */
const MOST_IMAGES = 200;

/** Calibration images of `int8Model`: the first validation images of a run, or training images if it keeps none. */
export async function calibratingImages(
  { validation, seed }: Pick<Config, 'validation' | 'seed'>,
  dataset: Dataset,
): Promise<Float32Array> {
  const split = splitTrainValidation(dataset.train, validation, seed);
  const places = imagesToMeasureOn(split).slice(0, MOST_IMAGES);
  const size = bytesOf(dataset.shape);
  const images = new Float32Array(places.length * size);
  for await (const batch of evaluationBatches(dataset, dataset.train, 1, places)) {
    images.set(batch.images, batch.index * size);
  }
  return images;
}
