import type { Failure } from '../../base/threads.js';
import type { Values } from '../../bundle/datatypes.js';
import type { Manifest } from '../../bundle/manifest.js';
import type { Bundle } from '../../bundle/read-bundle.js';

/** Source of a bundle: a folder, which may be replaced by a newer version, or memory. */
export type BundleSource = string | Bundle;

/** Initial data of a tail's thread. */
export interface TailThreadData {
  readonly source: BundleSource;
  /** Number of threads for one batch. */
  readonly threads: number;
}

/** Requests the logits of a batch, whose values are in memory shared by both threads. */
export interface InferMessage {
  readonly id: number;
  readonly values: Values;
  readonly batch: number;
  /** Number of the entry point. */
  readonly entry: number;
}

/** Messages of the thread: first that it is open, or why it isn't; then an answer to each request. */
export type FromTailThread =
  | { readonly manifest: Manifest; readonly files: ReadonlyMap<string, Uint8Array> }
  | { readonly id?: number; readonly failure: Failure }
  | { readonly id: number; readonly logits: Float32Array };
