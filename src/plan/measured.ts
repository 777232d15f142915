import type { Rates } from './layer-times.js';

/** What was measured once, on one machine, to estimate with where a user has not measured. */
export interface MeasuredRates {
  /** The processor. */
  readonly cpu: string;
  /** The branch in Chromium, one thread; and the tail in ONNX Runtime with its default threads. */
  readonly device: Rates;
  readonly edge: Rates;
  /** From loading to a model that is ready, beside what the network takes. */
  readonly loadMs: number;
  /** An image's way to the Worker and back. */
  readonly callMs: number;
  /** A request to the edge server, beside network and tail. */
  readonly requestMs: number;
  /** Loader, WebAssembly and manifest after brotli, which every page fetches beside the weights. */
  readonly fixedBytes: number;
}
