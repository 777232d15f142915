import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestAsyncHookHandler } from 'fastify';
import { Refusal } from '../edge/errors.js';
import { Overloaded } from '../edge/models/batcher.js';
import { createBodyReader } from '../edge/read-body.js';
import { USAGE_PATH } from '../edge/read-usage-counts.js';
import { signalOf, watchRequest } from '../edge/request-deadline.js';
import type { Trace, Tracing } from '../edge/tracing.js';
import { clientTimeoutMs } from './client-timeout.js';
import { type Dispatcher, type Send, Unanswered } from './dispatcher.js';
import { dropBody, endToEnd, type Forwarded, type Forwarder, type ServerAnswer } from './forward.js';
import type { GatewayMetrics } from './metrics.js';

export interface ForwardRoutes {
  readonly dispatcher: Dispatcher;
  readonly forwarder: Forwarder;
  readonly metrics: GatewayMetrics;
  /** Checks that apply to inference: rate limit and token. */
  readonly guard: onRequestAsyncHookHandler[];
  /** Largest body in bytes. */
  readonly maxBodyBytes: number;
  /** Milliseconds after which a request without a shorter timeout of its own gets 504. */
  readonly timeoutMs: number;
  readonly tracing?: Tracing;
}

/** Bytes of all bodies at the same time: of those being read, and of those that wait or are being answered. */
const BODY_BUDGET = 256 << 20;

/** Forwards all requests that aren't for the gateway itself. */
export async function forwardRoutes(app: FastifyInstance, routes: ForwardRoutes): Promise<void> {
  const { dispatcher, metrics, guard } = routes;
  const readBody = createBodyReader(BODY_BUDGET);
  let held = 0;

  // Bodies are forwarded as received.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));

  const count: onRequestAsyncHookHandler = async (_request, reply) => {
    const came = performance.now();
    reply.raw.once('close', () => {
      const code = reply.raw.writableEnded ? reply.raw.statusCode : 499;
      metrics.request(code, (performance.now() - came) / 1000);
    });
  };

  const forward = async (request: FastifyRequest, reply: FastifyReply, hasBody: boolean) => {
    const deadline = watchRequest(reply.raw);
    deadline.limit(routes.timeoutMs);
    const trace = routes.tracing?.begin('forward', request.headers, reply.raw, {
      'http.request.method': request.method,
    });
    const came = performance.now();
    let length = 0;
    try {
      const body = hasBody ? await readBody(request.raw, request.ip, routes.maxBodyBytes) : undefined;
      length = body?.length ?? 0;
      held += length;
      if (held > BODY_BUDGET) throw new Overloaded(1);
      const ownMs = body && clientTimeoutMs(request.headers, body);
      if (ownMs !== undefined && ownMs < routes.timeoutMs) deadline.limit(ownMs);
      const forwarded = forwardedRequest(request, body, signalOf(deadline));
      const send = trace
        ? traced(trace, came, forwarded, routes.forwarder)
        : (origin: string) => routes.forwarder.forward(origin, forwarded);
      const { signal } = forwarded;
      const answer = await (hasBody ? dispatcher.dispatch(send, signal) : dispatcher.relay(send, signal));
      return sendAnswer(reply, answer, request.method);
    } catch (thrown) {
      throw deadline.over() ?? thrown;
    } finally {
      held -= length;
      deadline.end();
    }
  };

  app.get(USAGE_PATH, () => {
    throw new Refusal(404, `each server has its own ${USAGE_PATH}; request it from the servers directly`);
  });
  app.get('/*', { onRequest: count }, (request, reply) => forward(request, reply, false));
  app.post('/*', { onRequest: [count, ...guard] }, (request, reply) => forward(request, reply, true));
}

/**
 * Sends a request like the forwarder. Traces the body's arrival, the wait for a server, and each server's attempt up to the
 * start of its answer. The server continues the trace.
 */
function traced(trace: Trace, came: number, forwarded: Forwarded, forwarder: Forwarder): Send<ServerAnswer> {
  const request = { ...forwarded, headers: { ...forwarded.headers, ...trace.headers } };
  let since = performance.now();
  trace.step('read', came, since);
  return async (origin) => {
    const sentAt = performance.now();
    trace.step('wait', since, sentAt);
    const attempt = (result: string): void => {
      since = performance.now();
      trace.step('attempt', sentAt, since, { 'server.address': origin, 'lcdnn.result': result });
    };
    try {
      const started = await forwarder.forward(origin, request);
      attempt('answered');
      return started;
    } catch (thrown) {
      attempt(thrown instanceof Unanswered ? thrown.how : 'cancelled');
      throw thrown;
    }
  };
}

/**
 * The request for a server. The gateway's own headers are set last, so that a client can't remove them by naming them in
 * its `Connection` header.
 */
export function forwardedRequest(
  request: Pick<FastifyRequest, 'headers' | 'ip' | 'host' | 'protocol' | 'method' | 'url'>,
  body: Buffer | undefined,
  signal: AbortSignal,
): Forwarded {
  // Without a body, the length of the client's own would contradict it.
  const { 'content-length': _, ...kept } = endToEnd(request.headers);
  const headers = {
    ...kept,
    'x-forwarded-for': request.ip,
    'x-forwarded-host': request.host,
    'x-forwarded-proto': request.protocol,
    ...(body && { 'content-length': `${body.length}` }),
  };
  return { method: request.method, path: request.url, headers, body, signal };
}

/** Passes the answer on as it arrives. If the server breaks off, so does the client's connection, or it gets 502. */
function sendAnswer(reply: FastifyReply, answer: ServerAnswer, method: string): FastifyReply {
  const { status, headers, body } = answer;
  if (!Buffer.isBuffer(body)) {
    body.once('error', (error) => {
      Object.assign(error, {
        statusCode: 502,
        message: `expected the whole answer of a server, found: ${error.message}`,
      });
    });
  }
  reply.code(status).headers(endToEnd(headers));
  if (method !== 'HEAD' && status !== 204 && status !== 304) return reply.send(body);
  dropBody(answer);
  return reply.send();
}
