import type { Rates } from './layer-times.js';

/** Rates measured once, on one machine. They serve as estimates if a user hasn't measured. */
export interface MeasuredRates {
  /** The processor. */
  readonly cpu: string;
  /** The branch in Chromium, one thread; and the tail in ONNX Runtime with its default threads. */
  readonly device: Rates;
  readonly edge: Rates;
  /** Time until a model is ready, without downloads. */
  readonly loadMs: number;
  /** Time to pass an image to the Worker and its answer back. */
  readonly callMs: number;
  /** Time of a request to the edge server, without network and tail. */
  readonly requestMs: number;
  /** Compressed size (brotli) of loader, WebAssembly and manifest, which every page downloads besides the weights. */
  readonly fixedBytes: number;
}
