import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestAsyncHookHandler } from 'fastify';
import { Refusal } from '../edge/errors.js';
import { Overloaded } from '../edge/models/batcher.js';
import { createBodyReader } from '../edge/read-body.js';
import { USAGE_PATH } from '../edge/read-usage-counts.js';
import { signalOf, watchRequest } from '../edge/request-deadline.js';
import { clientTimeoutMs } from './client-timeout.js';
import type { Dispatcher } from './dispatcher.js';
import { type Answer, endToEnd, type Forwarder } from './forward.js';
import type { Metrics } from './metrics.js';

export interface ForwardRoutes {
  readonly dispatcher: Dispatcher;
  readonly forwarder: Forwarder;
  readonly metrics: Metrics;
  /** Who may infer. */
  readonly guard: onRequestAsyncHookHandler[];
  /** Most bytes of a body. */
  readonly maxBodyBytes: number;
  /** Milliseconds after which a client that said nothing else is told that nobody answers. */
  readonly timeoutMs: number;
}

/** Bytes of all bodies at a time: of those that are read, and of those that wait or are being answered. */
const BODY_BUDGET = 256 << 20;

/** Everything that is not the gateway's own goes to a server. */
export async function forwardRoutes(app: FastifyInstance, routes: ForwardRoutes): Promise<void> {
  const { metrics, guard } = routes;
  const readBody = createBodyReader(BODY_BUDGET);
  let held = 0;

  // Bodies are handed on as they come.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));

  const count: onRequestAsyncHookHandler = async (_request, reply) => {
    const came = performance.now();
    reply.raw.once('close', () => {
      const code = reply.raw.writableEnded ? reply.raw.statusCode : 499;
      metrics.request(code, (performance.now() - came) / 1000);
    });
  };

  const pass = async (request: FastifyRequest, reply: FastifyReply, hasBody: boolean) => {
    const deadline = watchRequest(reply.raw);
    deadline.limit(routes.timeoutMs);
    let length = 0;
    try {
      const body = hasBody ? await readBody(request.raw, routes.maxBodyBytes) : undefined;
      length = body?.length ?? 0;
      held += length;
      if (held > BODY_BUDGET) throw new Overloaded(1);
      const ownMs = body && clientTimeoutMs(request.headers, body);
      if (ownMs !== undefined && ownMs < routes.timeoutMs) deadline.limit(ownMs);
      const answer = await ask(routes, request, body, signalOf(deadline));
      return send(reply, answer, request.method);
    } catch (thrown) {
      throw deadline.over() ?? thrown;
    } finally {
      held -= length;
      deadline.end();
    }
  };

  // Heeded where @fastify/rate-limit is registered.
  const config = { rateLimit: { groupId: 'infer' } };
  app.get(USAGE_PATH, () => {
    throw new Refusal(404, `each server has its own ${USAGE_PATH}; ask them one by one`);
  });
  app.get('/*', { onRequest: count }, (request, reply) => pass(request, reply, false));
  app.post('/*', { onRequest: [count, ...guard], config }, (request, reply) => pass(request, reply, true));
}

function ask(
  { dispatcher, forwarder }: ForwardRoutes,
  request: FastifyRequest,
  body: Buffer | undefined,
  signal: AbortSignal,
): Promise<Answer> {
  const headers = {
    ...request.headers,
    'x-forwarded-for': request.ip,
    'x-forwarded-host': request.host,
    'x-forwarded-proto': request.protocol,
    ...(body && { 'content-length': `${body.length}` }),
  };
  const { method, url: path } = request;
  return dispatcher.dispatch((origin) => forwarder.forward(origin, { method, path, headers, body, signal }), signal);
}

/** Hands the answer on as it comes; the client's connection ends early where the server's does. */
function send(reply: FastifyReply, { status, headers, body }: Answer, method: string): FastifyReply {
  reply.code(status).headers(endToEnd(headers));
  if (method !== 'HEAD' && status !== 204 && status !== 304) return reply.send(body);
  body.on('error', () => {}).resume();
  return reply.send();
}
