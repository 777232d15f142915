import { availableParallelism } from 'node:os';
import type { Augmentation } from '../augmentation/augment.js';
import type { Dataset } from '../dataset.js';
import { bytesOf } from '../pixels.js';
import { type Loader, loadHere } from './loader.js';
import { loadInThreads } from './threads.js';

/** Images up to this size, in memory and hardly varied, are filled in less time than a thread is told to. */
const SMALL_BYTES = 1024;
/**
 * More threads than that give no more: copies from memory outrun any training; files are read and decoded in libuv's
 * pool, of 4 threads unless UV_THREADPOOL_SIZE says otherwise, which all threads of a process share.
 */
const mostThreads = (inMemory: boolean): number => (inMemory ? 2 : Number(process.env['UV_THREADPOOL_SIZE']) || 4);

/** @param threads how many fill batches; 0 for the thread that asks. Default: what suits the data set. */
export function createLoader(
  dataset: Dataset,
  augmentation: Augmentation = {},
  threads = suitableThreads(dataset, augmentation),
): Loader {
  return threads === 0 ? loadHere : loadInThreads(threads);
}

/** All processors but one, which training needs most; none for small images. */
export function suitableThreads({ stored, train }: Dataset, augmentation: Augmentation): number {
  const { crop = 1, jitter = 0, cutout = 0, mixup = 0 } = augmentation;
  const inMemory = train.pixels.in === 'memory';
  const isPlain = crop === 1 && jitter === 0 && cutout === 0 && mixup === 0;
  if (inMemory && isPlain && bytesOf(stored) <= SMALL_BYTES) return 0;
  return Math.min(mostThreads(inMemory), Math.max(1, availableParallelism() - 1));
}
