import { availableParallelism } from 'node:os';
import { type FastifyError, type FastifyInstance, fastify } from 'fastify';
import { messageOf, UserError } from '../base/errors.js';
import { allowOrigins, sendSecurityHeaders } from './access.js';
import { inferenceRoutes } from './inference-routes.js';
import { Overloaded } from './models/batcher.js';
import { openModels } from './models/models.js';
import type { BundleSource } from './models/tail-messages.js';
import { createBodyReader } from './read-body.js';
import { webRoutes } from './web-routes.js';

export interface EdgeServerOptions {
  /** Most images in one request, and in one batch (16). With the tensor's size it bounds the bodies that are read. */
  readonly maxBatch?: number;
  /** Milliseconds that a request waits for others to make a batch (2); none where the tail is idle. */
  readonly maxWaitMs?: number;
  /** Most images that wait (128). */
  readonly maxQueue?: number;
  /** Threads of ONNX Runtime that compute one batch (all processors but one). */
  readonly threads?: number;
  /** Origins of other sites whose pages may ask; `*` is any. Default: none but the server's own. */
  readonly cors?: readonly string[];
}

/** Bytes of all bodies that are being read at a time. */
const BODY_BUDGET = 256 << 20;

/** An edge server that is not listening yet; `close()` lets running requests end and frees the models. */
export type EdgeServer = FastifyInstance & {
  /** Looks whether bundle folders were replaced, and goes over to what they hold now. */
  reload(): Promise<void>;
};

/**
 * The edge server of one bundle or several: hosts their web folders, and answers for the tails by the Open Inference
 * Protocol v2.
 *
 * @throws UserError where a bundle, or its tail, is not what its manifest says.
 */
export async function createEdgeServer(
  bundles: BundleSource | readonly BundleSource[],
  options: EdgeServerOptions = {},
): Promise<EdgeServer> {
  const { maxBatch = 16, maxWaitMs = 2, maxQueue = 128, cors = [] } = options;
  const { threads = Math.max(1, availableParallelism() - 1) } = options;
  if (maxQueue < maxBatch) {
    throw new UserError(`queue: expected room for a batch of ${maxBatch} images at least, found ${maxQueue}`);
  }
  const sources = Array.isArray(bundles) ? (bundles as readonly BundleSource[]) : [bundles as BundleSource];
  const models = await openModels(
    sources,
    { maxBatch, maxWaitMs, maxQueue, threads },
    { batch() {}, replaced() {}, refused() {} },
  );
  const app: FastifyInstance = fastify({ requestTimeout: 30_000, forceCloseConnections: 'idle' });
  app.addHook('onClose', () => models.close());
  app.setNotFoundHandler((request, reply) =>
    reply.code(404).send({ error: `no ${request.method} ${request.url} here` }),
  );
  app.setErrorHandler((error: FastifyError, _request, reply) => {
    if (error instanceof Overloaded) {
      return reply.code(503).header('retry-after', error.retryAfterS).send({ error: error.message });
    }
    const status = error.statusCode ?? 500;
    if (status === 500) process.stderr.write(`${error.stack}\n`);
    return reply
      .code(status)
      .send({ error: status === 500 ? 'the server failed; its log says why' : messageOf(error) });
  });
  sendSecurityHeaders(app);
  if (cors.length > 0) allowOrigins(app, cors);
  app.register(inferenceRoutes, {
    models,
    readBody: createBodyReader(BODY_BUDGET),
    isReady: () => true,
    onRequest() {},
    onAnswer() {},
  });
  webRoutes(app, models);
  return Object.assign(app, { reload: () => models.reload() });
}
