import { availableParallelism } from 'node:os';
import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { UserError } from '../base/errors.js';
import { requireToken } from './access.js';
import { createHttpServer, type HttpServerOptions } from './http-server.js';
import { inferenceRoutes } from './inference-routes.js';
import { createLoadShedding } from './load-shedding.js';
import { createLog, type LogLevel } from './log.js';
import { createMetrics, type Metrics } from './metrics.js';
import { type ModelEvents, type Models, openModels } from './models/models.js';
import type { BundleSource } from './models/tail-messages.js';
import { createBodyReader } from './read-body.js';
import { USAGE_PATH } from './read-usage-counts.js';
import { createUsageCounts } from './usage-counts.js';
import { webRoutes } from './web-routes.js';

export interface EdgeServerOptions extends HttpServerOptions {
  /** Most images in one request, and in one batch (16). With the tensor's size it bounds the bodies that are read. */
  readonly maxBatch?: number;
  /** Milliseconds that a request waits for others to make a batch (2); none where the tail is idle. */
  readonly maxWaitMs?: number;
  /** Most images that wait (128). */
  readonly maxQueue?: number;
  /** Threads of ONNX Runtime that compute one batch (all processors but one). */
  readonly threads?: number;
  /** Without it as `Authorization: Bearer`, nobody infers or reads metrics. Default: everybody does. */
  readonly token?: string;
  /** Inference requests a second from one address. Default: any number. */
  readonly rateLimit?: number;
  /** Points of accuracy that clients may be asked to give up while the server is busy. Default: they never are. */
  readonly loosenTau?: number;
  /** What is logged on standard error (`error`); at `info`, every request. Never a body. */
  readonly log?: LogLevel;
  /** Packs the web folders before anyone asks for them. */
  readonly packWeb?: boolean;
}

/** Bytes of all bodies that are being read at a time. */
const BODY_BUDGET = 256 << 20;

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
  const { token, log: level = 'error' } = options;
  let models: Models;
  const metrics = createMetrics(() => models);
  const log = createLog(level, metrics.lostLogLines);
  models = await openModels(listOf(bundles), modelOptions(options), eventsOf(metrics, log));
  const { app, isDraining, drain } = createHttpServer(log, options);
  app.addHook('onClose', () => models.close());

  const guard = token === undefined ? [] : [requireToken(token)];
  app.get('/metrics', { onRequest: guard }, async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.text()),
  );
  const usage = createUsageCounts();
  const loadShedding = createLoadShedding(options.loosenTau, modelOptions(options).maxQueue, log);
  app.get(USAGE_PATH, { onRequest: guard }, () => usage.of(models.names.map((name) => models.get(name)!)));
  if (options.rateLimit) await app.register(rateLimit, { global: false, max: options.rateLimit, timeWindow: 1000 });
  const readBody = createBodyReader(BODY_BUDGET);
  app.register(inferenceRoutes, {
    models,
    metrics,
    usage,
    loadShedding,
    readBody,
    guard,
    isReady: () => !isDraining(),
  });
  try {
    webRoutes(app, models);
  } catch (thrown) {
    await app.close();
    throw thrown;
  }

  return Object.assign(app, { models, reload: () => models.reload(), drain });
}

function listOf(bundles: BundleSource | readonly BundleSource[]): readonly BundleSource[] {
  const isList = (given: typeof bundles): given is readonly BundleSource[] => Array.isArray(given);
  return isList(bundles) ? bundles : [bundles];
}

/** Threads that compute one batch unless told: one processor is left to requests. */
export const defaultThreads = (): number => Math.max(1, availableParallelism() - 1);

function modelOptions(options: EdgeServerOptions) {
  const { maxBatch = 16, maxWaitMs = 2, maxQueue = 128, packWeb = false } = options;
  if (maxQueue < maxBatch) {
    throw new UserError(`queue: expected room for a batch of ${maxBatch} images at least, found ${maxQueue}`);
  }
  const threads = options.threads ?? defaultThreads();
  return { maxBatch, maxWaitMs, maxQueue, threads, packWeb };
}

function eventsOf(metrics: Metrics, log: Logger): ModelEvents {
  return {
    batch: metrics.batch,
    died(model, error, pauseMs) {
      metrics.tail(model, pauseMs === undefined ? 'given up' : 'died');
      const what = pauseMs === undefined ? 'is given up' : `starts again in ${pauseMs / 1000} s`;
      log.error({ model, reason: error.message }, `the thread of a tail has died and ${what}`);
    },
    restarted(model) {
      metrics.tail(model, 'restarted');
      log.warn({ model }, 'the thread of a tail has started again');
    },
    replaced(model, version) {
      metrics.reload(model, 'replaced');
      log.warn({ model, version }, 'another version serves now');
    },
    refused(model, folder, reason) {
      metrics.reload(model, 'refused');
      log.error({ model, folder, reason }, 'the new bundle was refused; the previous one keeps serving');
    },
  };
}
