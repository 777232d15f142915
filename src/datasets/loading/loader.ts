import { bytesOf, openPixels, type Pixels } from '../pixels.js';
import { type BatchRequest, fillBatch, type Preparation } from './fill-batch.js';

/** What fills batches, in the thread that asks or in others, ahead of their use. The bits are the same. */
export interface Loader {
  /**
   * The images of each request in turn, normalised, [indices, height, width, channels]. An array is filled anew, or
   * taken away, once the next is asked for: copy what must outlive it.
   */
  load(pixels: Pixels, preparation: Preparation, requests: Iterable<BatchRequest>): AsyncGenerator<Float32Array>;
  /** Ends the threads, if there are any. */
  close(): Promise<void>;
}

/** Fills each batch when it is asked for, in the thread that asks. */
export const loadHere: Loader = {
  async *load(pixels, preparation, requests) {
    const reader = openPixels(pixels, preparation.stored);
    let images = new Float32Array(0);
    try {
      for (const request of requests) {
        const length = request.indices.length * bytesOf(preparation.shape);
        if (images.length < length) images = new Float32Array(length);
        await fillBatch(reader, preparation, request, images);
        yield images.subarray(0, length);
      }
    } finally {
      await reader.close();
    }
  },
  async close() {},
};
