import { gunzipSync, inflateSync, type ZlibOptions } from 'node:zlib';
import { codeOf } from '../base/errors.js';
import { Refusal } from './errors.js';

/** How the bodies of requests may be compressed. */
const DECODERS = new Map<string, (bytes: Uint8Array, options: ZlibOptions) => Buffer>([
  ['gzip', gunzipSync],
  ['deflate', inflateSync],
]);

/** The encoding that a header names, if it isn't `identity`. @throws Refusal (415) if it is unknown */
export function encodingOf(header: string | undefined): string | undefined {
  const encoding = header?.trim().toLowerCase() || 'identity';
  if (encoding === 'identity') return undefined;
  if (DECODERS.has(encoding)) return encoding;
  throw new Refusal(415, `content-encoding: expected gzip or deflate, found ${encoding}`);
}

/**
 * Decompresses a body; undefined if it becomes longer than the limit.
 *
 * @throws Refusal (400) if it isn't compressed as the header says
 */
export function decompress(bytes: Uint8Array, encoding: string, limitBytes: number): Buffer | undefined {
  try {
    return DECODERS.get(encoding)!(bytes, { maxOutputLength: limitBytes });
  } catch (thrown) {
    if (codeOf(thrown) === 'ERR_BUFFER_TOO_LARGE') return undefined;
    throw new Refusal(400, `body: expected ${encoding} data as content-encoding says, found other or damaged data`);
  }
}
