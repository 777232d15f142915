import { availableParallelism } from 'node:os';
import rateLimit from '@fastify/rate-limit';
import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from 'fastify';
import type { Logger } from 'pino';
import { UserError } from '../base/errors.js';
import { allowOrigins, requireToken, sendSecurityHeaders } from './access.js';
import { answerErrors } from './errors.js';
import { inferenceRoutes } from './inference-routes.js';
import { createLog, type LogLevel } from './log.js';
import { createMetrics, type Metrics } from './metrics.js';
import { type ModelEvents, type Models, openModels } from './models/models.js';
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
  /** Without it as `Authorization: Bearer`, nobody infers or reads metrics. Default: everybody does. */
  readonly token?: string;
  /** Inference requests a second from one address. Default: any number. */
  readonly rateLimit?: number;
  /** Addresses (or CIDR ranges) of proxies whose `X-Forwarded-For` is believed. Default: none. */
  readonly trustProxy?: readonly string[];
  /** Most connections at a time (1024). */
  readonly maxConnections?: number;
  /** Milliseconds for a request to come in whole (30,000); a third of it for its head. */
  readonly requestTimeoutMs?: number;
  /** What is logged on standard error (`error`); at `info`, every request. Never a body. */
  readonly log?: LogLevel;
  /** Packs the web folders before anyone asks for them. */
  readonly packWeb?: boolean;
}

/** Bytes of all bodies that are being read at a time. */
const BODY_BUDGET = 256 << 20;
/** Milliseconds after which a connection on which nothing moves is cut. */
const STALLED_MS = 120_000;

/** An edge server that is not listening yet; `close()` lets running requests end and frees the models. */
export type EdgeServer = FastifyInstance & {
  readonly models: Models;
  /** Looks whether bundle folders were replaced, and goes over to what they hold now. */
  reload(): Promise<void>;
  /** Says that it is not ready, so that new requests go elsewhere; then, after so many milliseconds, closes. */
  drain(ms: number): Promise<void>;
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
  const { requestTimeoutMs = 30_000, cors = [], token, log: level = 'error' } = options;
  let models: Models;
  const metrics = createMetrics(() => models);
  const log = createLog(level, metrics.lostLogLines);
  models = await openModels(listOf(bundles), modelOptions(options), eventsOf(metrics, log));
  const app: FastifyInstance = fastify({
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: level !== 'info' }),
    trustProxy: options.trustProxy ? [...options.trustProxy] : false,
    forceCloseConnections: 'idle',
    return503OnClosing: false, // what was accepted is answered
    requestTimeout: requestTimeoutMs,
    connectionTimeout: STALLED_MS,
    http: {
      headersTimeout: Math.ceil(requestTimeoutMs / 3),
      connectionsCheckingInterval: Math.min(1000, requestTimeoutMs / 4),
      keepAlive: true,
    },
  });
  app.server.maxConnections = options.maxConnections ?? 1024;
  app.addHook('onClose', () => models.close());
  answerErrors(app);
  sendSecurityHeaders(app);
  if (cors.length > 0) allowOrigins(app, cors);

  let draining = false;
  app.addHook('onRequest', async (_request, reply) => {
    if (draining) reply.header('connection', 'close');
  });
  const guard = token === undefined ? [] : [requireToken(token)];
  app.get('/metrics', { onRequest: guard }, async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.text()),
  );
  if (options.rateLimit) await app.register(rateLimit, { global: false, max: options.rateLimit, timeWindow: 1000 });
  const readBody = createBodyReader(BODY_BUDGET);
  app.register(inferenceRoutes, { models, metrics, readBody, guard, isReady: () => !draining });
  try {
    webRoutes(app, models);
  } catch (thrown) {
    await app.close();
    throw thrown;
  }

  return Object.assign(app, {
    models,
    reload: () => models.reload(),
    async drain(ms: number) {
      draining = true;
      await new Promise((resolve) => setTimeout(resolve, ms));
      await app.close();
    },
  });
}

function listOf(bundles: BundleSource | readonly BundleSource[]): readonly BundleSource[] {
  const isList = (given: typeof bundles): given is readonly BundleSource[] => Array.isArray(given);
  return isList(bundles) ? bundles : [bundles];
}

function modelOptions(options: EdgeServerOptions) {
  const { maxBatch = 16, maxWaitMs = 2, maxQueue = 128, packWeb = false } = options;
  if (maxQueue < maxBatch) {
    throw new UserError(`queue: expected room for a batch of ${maxBatch} images at least, found ${maxQueue}`);
  }
  const threads = options.threads ?? Math.max(1, availableParallelism() - 1);
  return { maxBatch, maxWaitMs, maxQueue, threads, packWeb };
}

function eventsOf(metrics: Metrics, log: Logger): ModelEvents {
  return {
    batch: metrics.batch,
    replaced(model, version) {
      metrics.reload(model, 'replaced');
      log.warn({ model, version }, 'another version serves now');
    },
    refused(model, folder, reason) {
      metrics.reload(model, 'refused');
      log.error({ model, folder, reason }, 'a new bundle is of no use, the one before it goes on');
    },
  };
}
