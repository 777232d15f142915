import type { Failure } from '../../base/threads.js';
import type { ImageShape, Pixels } from '../pixels.js';
import type { BatchRequest, Preparation } from './fill-batch.js';

/** What a loading thread is told. */
export type ToThread = OpenMessage | FillMessage | { readonly do: 'close' };

/** Names images that batches are to come from. */
export interface OpenMessage {
  readonly do: 'open';
  readonly split: number;
  readonly pixels: Pixels;
  readonly stored: ImageShape;
}

/** Hands over a buffer to fill. */
export interface FillMessage {
  readonly do: 'fill';
  readonly id: number;
  readonly split: number;
  readonly preparation: Preparation;
  readonly request: BatchRequest;
  readonly buffer: ArrayBuffer;
}

/** What it answers to `fill`: the buffer, and what went wrong, if anything did. */
export interface FromThread {
  readonly id: number;
  readonly buffer: ArrayBuffer;
  readonly failure?: Failure;
}
