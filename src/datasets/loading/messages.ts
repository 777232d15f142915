import type { Failure } from '../../base/threads.js';
import type { ImageShape, Pixels } from '../pixels.js';
import type { BatchRequest, Preparation } from './fill-batch.js';

/** Messages to a loading thread. */
export type ToThread = OpenMessage | FillMessage | { readonly do: 'close' };

/** Defines a split from which batches are filled. */
export interface OpenMessage {
  readonly do: 'open';
  readonly split: number;
  readonly pixels: Pixels;
  readonly stored: ImageShape;
}

/** Transfers a buffer to fill. */
export interface FillMessage {
  readonly do: 'fill';
  readonly id: number;
  readonly split: number;
  readonly preparation: Preparation;
  readonly request: BatchRequest;
  readonly buffer: ArrayBuffer;
}

/** The reply to `fill`: the buffer, and the error if it failed. */
export interface FromThread {
  readonly id: number;
  readonly buffer: ArrayBuffer;
  readonly failure?: Failure;
}
