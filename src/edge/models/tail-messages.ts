import type { Failure } from '../../base/threads.js';
import type { Values } from '../../bundle/datatypes.js';
import type { Manifest } from '../../bundle/manifest.js';
import type { Bundle } from '../../bundle/read-bundle.js';

/** Where a bundle comes from: a folder, which may be replaced by a newer one, or memory. */
export type BundleSource = string | Bundle;

/** What a tail's thread is started with. */
export interface TailThreadData {
  readonly source: BundleSource;
  /** That compute one batch. */
  readonly threads: number;
}

/** Asks for the logits of a batch, whose values lie in memory that both threads see. */
export interface InferMessage {
  readonly id: number;
  readonly values: Values;
  readonly batch: number;
}

/** What the thread tells: first that it is open, or why it is not, then an answer to each message. */
export type FromTailThread =
  | { readonly manifest: Manifest; readonly files: ReadonlyMap<string, Uint8Array> }
  | { readonly id?: number; readonly failure: Failure }
  | { readonly id: number; readonly logits: Float32Array };
