import type { IncomingHttpHeaders } from 'node:http';
import { JSON_LENGTH_HEADER } from '../edge/protocol.js';

/** Longest head that is looked into. */
const MOST_HEAD = 16 << 10;

/**
 * Milliseconds that the client gives its request (`parameters.timeout`), where that can be read without reading tensors:
 * from the head of a binary request that is not compressed. Of others, the server minds it.
 */
export function clientTimeoutMs(headers: IncomingHttpHeaders, body: Buffer): number | undefined {
  const length = Number(headers[JSON_LENGTH_HEADER]);
  if (headers['content-encoding'] !== undefined || !(length > 0 && length <= MOST_HEAD)) return undefined;
  try {
    const { parameters } = JSON.parse(body.toString('utf8', 0, length)) as { parameters?: { timeout?: unknown } };
    const timeout = parameters?.timeout;
    return typeof timeout === 'number' && timeout > 0 ? timeout / 1000 : undefined;
  } catch {
    return undefined; // the server says what is wrong with it
  }
}
