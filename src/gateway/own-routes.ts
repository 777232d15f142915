import type { FastifyInstance, onRequestAsyncHookHandler } from 'fastify';
import type { HttpServer } from '../edge/http-server.js';
import type { GatewayMetrics } from './metrics.js';
import type { Upstream } from './upstream.js';

/**
 * The gateway's own routes: its metrics, and whether it is alive and ready.
 *
 * @param guard checks that apply to metrics
 */
export function ownRoutes(
  app: FastifyInstance,
  { isDraining }: HttpServer,
  upstreams: readonly Upstream[],
  metrics: GatewayMetrics,
  guard: onRequestAsyncHookHandler[],
): void {
  app.get('/metrics', { onRequest: guard }, async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.text()),
  );
  app.get('/v2/health/live', () => ({ live: true }));
  app.get('/v2/health/ready', (_request, reply) => {
    const ready = !isDraining() && upstreams.some(({ up }) => up);
    return reply.code(ready ? 200 : 503).send({ ready });
  });
}
