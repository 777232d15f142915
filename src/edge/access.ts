import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Refusal } from './errors.js';
import { JSON_LENGTH_HEADER } from './protocol.js';

/** Scripts, Workers and connections of this origin only; WebAssembly may compile; pictures may come from a file or a canvas. */
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

const SECURITY_HEADERS = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'cross-origin-opener-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/** On every answer, errors too. */
export function sendSecurityHeaders(app: FastifyInstance): void {
  app.addHook('onRequest', (_request, reply, done) => {
    reply.headers(SECURITY_HEADERS);
    done();
  });
}

/** Cross-origin requests, answered for the named origins alone. */
export function allowOrigins(app: FastifyInstance, origins: readonly string[]): void {
  const any = origins.includes('*');
  app.addHook('onRequest', async (request, reply) => {
    const { origin } = request.headers;
    if (!any) reply.header('vary', 'origin');
    if (!origin || !(any || origins.includes(origin))) return;
    reply.headers({
      'access-control-allow-origin': any ? '*' : origin,
      'access-control-expose-headers': `${JSON_LENGTH_HEADER}, lcdnn-tau, retry-after, server-timing`,
    });
    if (request.method !== 'OPTIONS') return;
    reply.headers({
      'access-control-allow-methods': 'GET, POST',
      'access-control-allow-headers': `authorization, content-type, content-encoding, ${JSON_LENGTH_HEADER}`,
      'access-control-max-age': '600',
    });
    return reply.code(204).send();
  });
}

/** A hook that lets nobody pass without the token; the time it takes tells nothing of what was right. */
export function requireToken(token: string): (request: FastifyRequest) => Promise<void> {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  const expected = digest(`Bearer ${token}`);
  return async ({ headers }) => {
    if (timingSafeEqual(digest(headers.authorization ?? ''), expected)) return;
    throw new Refusal(401, 'expected the bearer token of this server, found none or another');
  };
}
