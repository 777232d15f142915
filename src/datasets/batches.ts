import { UserError } from '../base/errors.js';
import { permutation, random } from '../base/random.js';
import type { Augmentation } from './augmentation/augment.js';
import { drawMixup, partnerOf } from './augmentation/mixup.js';
import type { Dataset, Split } from './dataset.js';
import type { BatchRequest } from './loading/fill-batch.js';
import { type Loader, loadHere } from './loading/loader.js';

/** Images as inputs of a network. The next batch overwrites the arrays, so copy what you need longer. */
export interface Batch {
  /** Number of the batch in the epoch, from 0. */
  readonly index: number;
  readonly size: number;
  /** Normalised, [size, height, width, channels]. */
  readonly images: Float32Array;
  /** The class of each image; for mixed images, the class of the image itself. */
  readonly labels: Int32Array;
  /** For mixed images: the other images. */
  readonly mixed?: Mixed;
}

/** The other images in a batch of mixtures. */
export interface Mixed {
  readonly labels: Int32Array;
  /** Weight of the other images, in [0, 1]; the images themselves have the rest. */
  readonly share: number;
}

export interface TrainingOrder {
  readonly batchSize: number;
  readonly seed: number;
  readonly epoch: number;
  /** The first batch, for a run that is resumed within an epoch. Default 0. */
  readonly from?: number;
  readonly augmentation?: Augmentation;
}

type Normalisation = Pick<Dataset, 'shape' | 'stored' | 'mean' | 'std'>;

/**
 * The batches of one epoch, in an order of its own. All batches are whole: the images of the last, partial one are left
 * out (different ones in each epoch). Order and augmentation depend only on seed, epoch and batch. So `from` gives the
 * same bits as the whole epoch, and all loaders give the same bits.
 *
 * @param indices which images of the split
 * @throws UserError if there are fewer images than one batch takes
 */
export async function* trainingBatches(
  dataset: Normalisation,
  split: Split,
  indices: Int32Array,
  { batchSize, seed, epoch, from = 0, augmentation = {} }: TrainingOrder,
  loader: Loader = loadHere,
): AsyncGenerator<Batch> {
  requireBatch(indices.length, batchSize);
  const order = permutation(random(seed, epoch), indices.length);
  const requests: BatchRequest[] = [];
  for (let index = from; (index + 1) * batchSize <= indices.length; index++) {
    const chosen = order.subarray(index * batchSize, (index + 1) * batchSize);
    requests.push({ indices: chosen.map((i) => indices[i]), draw: { seed, epoch, index } });
  }
  const { mixup = 0 } = augmentation;
  const others = new Int32Array(batchSize);
  for await (const batch of batchesOf({ ...dataset, augmentation }, split, requests, from, loader)) {
    if (mixup === 0) {
      yield batch;
      continue;
    }
    for (let i = 0; i < batchSize; i++) others[i] = batch.labels[partnerOf(i, batchSize)];
    const share = 1 - drawMixup({ seed, epoch, index: batch.index }, mixup);
    yield { ...batch, mixed: { labels: others, share } };
  }
}

/** @throws UserError if there are fewer training images than one batch takes */
export function requireBatch(count: number, batchSize: number): void {
  if (batchSize <= count) return;
  throw new UserError(`batch size: expected at most the number of training images, ${count}, found ${batchSize}`);
}

/** All images in order; the last batch may be short. `indices` selects images of the split. */
export async function* evaluationBatches(
  dataset: Normalisation,
  split: Split,
  batchSize: number,
  indices: Int32Array = Int32Array.from({ length: split.count }, (_, i) => i),
  loader: Loader = loadHere,
): AsyncGenerator<Batch> {
  const requests: BatchRequest[] = [];
  for (let start = 0; start < indices.length; start += batchSize) {
    requests.push({ indices: indices.slice(start, start + batchSize) });
  }
  yield* batchesOf(dataset, split, requests, 0, loader);
}

/** The requested batches with their labels; `first` is the number of the first one. */
async function* batchesOf(
  { shape, stored, mean, std, augmentation }: Normalisation & { augmentation?: Augmentation },
  split: Split,
  requests: readonly BatchRequest[],
  first: number,
  loader: Loader,
): AsyncGenerator<Batch> {
  let index = first;
  for await (const images of loader.load(split.pixels, { shape, stored, mean, std, augmentation }, requests)) {
    const { indices } = requests[index - first];
    yield { index, size: indices.length, images, labels: Int32Array.from(indices, (i) => split.labels[i]) };
    index++;
  }
}
