import type { Failure } from '../../base/threads.js';
import type { Bundle } from '../../bundle/read-bundle.js';

/** Arguments of the host's process. */
export interface HostedFiles {
  /** Folder of LcDNN's bundle, if LcDNN is measured. */
  readonly bundle?: string;
  /** Edge parts of the other approaches. Either these or a bundle must be present. */
  readonly edges: readonly Bundle[];
  /** Files for the pages by path, e.g. `edge-only/baseline.js`. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Number of threads that compute one batch on the edge. */
  readonly threads: number;
}

export type ToHost = { readonly host: HostedFiles } | { readonly ask: 'processor' };

/** `processor`: CPU time that the process has used so far, in ms. */
export type FromHost = { readonly url: string } | { readonly processorMs: number } | { readonly failure: Failure };

/** Where the pages' files are. */
export const FILES_PATH = '/approaches/';
