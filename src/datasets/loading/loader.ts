import { bytesOf, openPixels, type Pixels } from '../pixels.js';
import { type BatchRequest, fillBatch, type Preparation } from './fill-batch.js';

/** Fills batches in the calling thread, or ahead of time in other threads. The results are the same bits. */
export interface Loader {
  /**
   * The images of each request in turn, normalised, [indices, height, width, channels]. Requesting the next array
   * overwrites or detaches the previous one, so copy what you need longer.
   */
  load(pixels: Pixels, preparation: Preparation, requests: Iterable<BatchRequest>): AsyncGenerator<Float32Array>;
  /** Ends the threads, if any. */
  close(): Promise<void>;
}

/** Fills each batch when it is requested, in the calling thread. */
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
