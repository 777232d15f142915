import { availableParallelism } from 'node:os';
import type { Augmentation } from '../augmentation/augment.js';
import type { Dataset } from '../dataset.js';
import { bytesOf } from '../pixels.js';
import { type Loader, loadHere } from './loader.js';
import { loadInThreads } from './threads.js';

/** Up to this size, filling a batch from memory with little augmentation takes less time than a message to a thread. */
const SMALL_BYTES = 1024;
/**
 * More threads than this don't help. Copies from memory are already faster than any training, and files are read and
 * decoded in libuv's pool, which all threads of a process share (4 threads, unless UV_THREADPOOL_SIZE is set).
 */
const mostThreads = (inMemory: boolean): number => (inMemory ? 2 : Number(process.env['UV_THREADPOOL_SIZE']) || 4);

/** @param threads number of threads that fill batches; 0 for the calling thread. Default: depends on the data set. */
export function createLoader(
  dataset: Dataset,
  augmentation: Augmentation = {},
  threads = suitableThreads(dataset, augmentation),
): Loader {
  return threads === 0 ? loadHere : loadInThreads(threads);
}

/** All processors except one for training; 0 for small images. */
export function suitableThreads({ stored, train }: Dataset, augmentation: Augmentation): number {
  const { crop = 1, jitter = 0, cutout = 0, mixup = 0 } = augmentation;
  const inMemory = train.pixels.in === 'memory';
  const isPlain = crop === 1 && jitter === 0 && cutout === 0 && mixup === 0;
  if (inMemory && isPlain && bytesOf(stored) <= SMALL_BYTES) return 0;
  return Math.min(mostThreads(inMemory), Math.max(1, availableParallelism() - 1));
}
