import type { Failure } from '../../base/threads.js';
import type { Bundle } from '../../bundle/read-bundle.js';

/** What the host's process is started with. */
export interface HostedFiles {
  /** Folder of the bundle of LcDNN, if it is among them. */
  readonly bundle?: string;
  /** What the edge has of the others; there is one at least, or a bundle. */
  readonly edges: readonly Bundle[];
  /** Files of pages by path, e.g. `edge-only/baseline.js`. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Threads that compute one batch on the edge. */
  readonly threads: number;
}

export type ToHost = { readonly host: HostedFiles } | { readonly ask: 'processor' };

/** `processor`: time that the process has used so far, in ms. */
export type FromHost = { readonly url: string } | { readonly processorMs: number } | { readonly failure: Failure };

/** Where the files of pages are. */
export const FILES_PATH = '/approaches/';
