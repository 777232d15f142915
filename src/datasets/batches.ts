import { UserError } from '../base/errors.js';
import { permutation, random } from '../base/random.js';
import { type Augmentation, drawMove, moveImage } from './augment.js';
import type { Dataset, Split } from './dataset.js';
import { bytesOf, openPixels } from './pixels.js';

/** Images as a network reads them. The arrays are filled anew by the next batch: copy what must outlive it. */
export interface Batch {
  /** Which batch of the epoch, from 0. */
  readonly index: number;
  readonly size: number;
  /** Normalised, [size, height, width, channels]. */
  readonly images: Float32Array;
  readonly labels: Int32Array;
}

export interface TrainingOrder {
  readonly batchSize: number;
  readonly seed: number;
  readonly epoch: number;
  /** The batch to begin with, for a run that is resumed in the middle of an epoch. Default 0. */
  readonly from?: number;
  readonly augmentation?: Augmentation;
}

type Normalisation = Pick<Dataset, 'shape' | 'stored' | 'mean' | 'std'>;

/**
 * The batches of one epoch in an order of its own, whole ones only: the images of the last, partial one are left out
 * (others in every epoch). Order and augmentation depend on seed, epoch and batch alone, so that `from` gives the
 * same bits as the whole epoch.
 *
 * @param places which images of the split
 * @throws UserError where there are fewer images than one batch takes
 */
export async function* trainingBatches(
  dataset: Normalisation,
  split: Split,
  places: Int32Array,
  { batchSize, seed, epoch, from = 0, augmentation }: TrainingOrder,
): AsyncGenerator<Batch> {
  if (batchSize > places.length) {
    throw new UserError(
      `batch size: expected at most the number of training images, ${places.length}, found ${batchSize}`,
    );
  }
  const order = permutation(random(seed, epoch), places.length);
  const fill = batchFiller(dataset, split, batchSize);
  const moved = new Uint8Array(bytesOf(dataset.shape));
  for (let index = from; (index + 1) * batchSize <= places.length; index++) {
    const next = random(seed, epoch, index);
    const vary = (image: Uint8Array) => {
      if (!augmentation) return image;
      moveImage(image, dataset.shape, drawMove(next, augmentation), moved);
      return moved;
    };
    yield await fill(index, batchSize, (i) => places[order[index * batchSize + i]], vary);
  }
}

/** All images in order; the last batch may be short. `places` picks some of the split's images. */
export async function* evaluationBatches(
  dataset: Normalisation,
  split: Split,
  batchSize: number,
  places?: Int32Array,
): AsyncGenerator<Batch> {
  const count = places?.length ?? split.count;
  const fill = batchFiller(dataset, split, batchSize);
  for (let start = 0; start < count; start += batchSize) {
    const size = Math.min(batchSize, count - start);
    yield await fill(
      start / batchSize,
      size,
      (i) => (places ? places[start + i] : start + i),
      (image) => image,
    );
  }
}

/** A function that fills the one pair of buffers with a batch, `placeOf(i)` naming its i-th image. */
function batchFiller(dataset: Normalisation, split: Split, batchSize: number) {
  const bytes = bytesOf(dataset.shape);
  const images = new Float32Array(batchSize * bytes);
  const labels = new Int32Array(batchSize);
  const normalised = normalisationTable(dataset);
  const channels = dataset.shape[2];
  const reader = openPixels(split.pixels, dataset.stored);
  const stored = new Uint8Array(bytesOf(dataset.stored));
  return async (
    index: number,
    size: number,
    placeOf: (i: number) => number,
    vary: (image: Uint8Array) => Uint8Array,
  ): Promise<Batch> => {
    for (let i = 0; i < size; i++) {
      const place = placeOf(i);
      await reader.read(place, stored);
      const image = vary(stored);
      for (let p = 0; p < bytes; p++) images[i * bytes + p] = normalised[image[p] * channels + (p % channels)];
      labels[i] = split.labels[place];
    }
    return { index, size, images: images.subarray(0, size * bytes), labels: labels.subarray(0, size) };
  };
}

/** What each of the 256 pixel values becomes, per channel: [256, channels]. */
function normalisationTable({ shape, mean, std }: Normalisation): Float32Array {
  const channels = shape[2];
  return Float32Array.from({ length: 256 * channels }, (_, i) => {
    const channel = i % channels;
    return (Math.floor(i / channels) / 255 - mean[channel]) / std[channel];
  });
}
