import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, onRequestAsyncHookHandler } from 'fastify';
import { UserError } from '../base/errors.js';
import { Refusal } from './errors.js';
import { JSON_LENGTH_HEADER } from './protocol.js';
import { createRateLimit, type RateLimit } from './rate-limit.js';

/** Scripts, workers and connections only to the page's own origin. WebAssembly may compile; images may be files or canvases. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "img-src 'self' blob: data:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'self'",
].join('; ');

/** Headers of every answer, including errors. */
export const SECURITY_HEADERS = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'cross-origin-opener-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

export function sendSecurityHeaders(app: FastifyInstance): void {
  app.addHook('onRequest', (_request, reply, done) => {
    reply.headers(SECURITY_HEADERS);
    done();
  });
}

/** What an answer to an allowed origin contains, besides `access-control-allow-origin`. */
export const CORS_HEADERS = {
  'access-control-expose-headers': `${JSON_LENGTH_HEADER}, lcdnn-tau, retry-after, server-timing`,
};

/** What the answer to a preflight request contains in addition. */
export const PREFLIGHT_HEADERS = {
  'access-control-allow-methods': 'GET, POST',
  'access-control-allow-headers': `authorization, content-type, content-encoding, ${JSON_LENGTH_HEADER}`,
  'access-control-max-age': '600',
};

/**
 * Answers cross-origin requests of these origins.
 *
 * @throws UserError if an origin is not written as browsers send it
 */
export function allowOrigins(app: FastifyInstance, origins: readonly string[]): void {
  origins.forEach(requireOrigin);
  const any = origins.includes('*');
  app.addHook('onRequest', async (request, reply) => {
    const { origin } = request.headers;
    if (!any) reply.header('vary', 'origin');
    if (!origin || !(any || origins.includes(origin))) return;
    reply.headers({ 'access-control-allow-origin': any ? '*' : origin, ...CORS_HEADERS });
    if (request.method !== 'OPTIONS') return;
    return reply.headers(PREFLIGHT_HEADERS).code(204).send();
  });
}

/** Browsers send scheme, host and port in lower case, without a default port and without a slash; or `null`. */
function requireOrigin(text: string): void {
  if (text === '*' || text === 'null') return;
  const origin = URL.canParse(text) ? new URL(text).origin : 'null';
  if (origin === text) return;
  const suggestion = origin === 'null' ? '' : `; did you mean ${origin}?`;
  throw new UserError(`--cors: expected * or an origin such as https://shop.example, found ${text}${suggestion}`);
}

/** A token, or a function that gives the current one. */
export type Token = string | (() => string | undefined);

export const currentToken = (token: Token | undefined): string | undefined =>
  typeof token === 'function' ? token() : token;

/**
 * A hook that requires the token as `Authorization: Bearer`. It compares in constant time.
 *
 * @param guesses limits the wrong tokens of a client; beyond the limit, not even the right one passes
 */
function requireToken(token: Token, guesses?: RateLimit): onRequestAsyncHookHandler {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return async ({ headers, ip }) => {
    guesses?.check(ip);
    const expected = digest(`Bearer ${currentToken(token)}`);
    if (timingSafeEqual(digest(headers.authorization ?? ''), expected)) return;
    guesses?.count(ip);
    throw new Refusal(401, 'expected the bearer token of this server, found none or a wrong one');
  };
}

/**
 * The hooks that protect inference, and those that protect everything else that needs the token.
 *
 * @param perSecond inference requests of one client in a second, and its wrong guesses of the token elsewhere
 */
export function createGuards(token: Token | undefined, perSecond: number | undefined) {
  const isOpen = currentToken(token) === undefined;
  const inference: onRequestAsyncHookHandler[] = [];
  if (perSecond !== undefined) {
    const rateLimit = createRateLimit(perSecond);
    inference.push(async ({ ip }) => rateLimit.count(ip));
  }
  if (isOpen) return { inference, other: [] };
  inference.push(requireToken(token!));
  const guesses = perSecond === undefined ? undefined : createRateLimit(perSecond);
  return { inference, other: [requireToken(token!, guesses)] };
}
