import type { IncomingHttpHeaders } from 'node:http';
import { z } from 'zod';
import { JSON_LENGTH_HEADER } from '../edge/protocol.js';

/** Largest JSON part that is searched for a timeout, in bytes. */
const MAX_JSON = 16 << 10;

const requestSchema = z.object({ parameters: z.object({ timeout: z.number().positive() }) });

/**
 * The timeout that a client gave its request (`parameters.timeout`), in milliseconds. Only read from binary requests that
 * aren't compressed, whose JSON part is short. For other requests, the server applies it.
 */
export function clientTimeoutMs(headers: IncomingHttpHeaders, body: Buffer): number | undefined {
  const length = Number(headers[JSON_LENGTH_HEADER]);
  if (headers['content-encoding'] !== undefined || !(length > 0 && length <= MAX_JSON)) return undefined;
  const json = body.toString('utf8', 0, length);
  if (!json.includes('"timeout"')) return undefined; // most requests have none
  try {
    return requestSchema.parse(JSON.parse(json)).parameters.timeout / 1000;
  } catch {
    return undefined; // another field of that name, or an invalid request, which the server refuses
  }
}
