import { requireToken } from '../edge/access.js';
import type { HttpServer } from '../edge/http-server.js';
import type { Metrics } from './metrics.js';
import type { Upstream } from './upstream.js';

/** What the gateway says of itself: metrics, and whether it lives and is ready. */
export function ownRoutes(
  { app, isDraining }: HttpServer,
  upstreams: readonly Upstream[],
  metrics: Metrics,
  token: string | undefined,
): void {
  const guard = token === undefined ? [] : [requireToken(token)];
  app.get('/metrics', { onRequest: guard }, async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.text()),
  );
  app.get('/v2/health/live', () => ({ live: true }));
  app.get('/v2/health/ready', (_request, reply) => {
    const ready = !isDraining() && upstreams.some(({ up }) => up);
    return reply.code(ready ? 200 : 503).send({ ready });
  });
}
