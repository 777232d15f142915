import { availableParallelism } from 'node:os';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { UserError } from '../base/errors.js';
import { createGuards, type Token } from './access.js';
import { createHttpServer, type HttpServerOptions } from './http-server.js';
import { inferenceRoutes } from './inference-routes.js';
import { createLoadShedding } from './load-shedding.js';
import { createLog, type LogLevel } from './log.js';
import { createMetrics, type Metrics } from './metrics.js';
import { type ModelEvents, type Models, openModels } from './models/models.js';
import type { BundleSource } from './models/tail-messages.js';
import { openApiDocument } from './openapi.js';
import { createBodyReader } from './read-body.js';
import { USAGE_PATH } from './read-usage-counts.js';
import { createRequestParser } from './request-parser.js';
import type { Tracing } from './tracing.js';
import { createUsageCounts } from './usage-counts.js';
import { webRoutes } from './web-routes.js';

export interface EdgeServerOptions extends HttpServerOptions {
  /** Largest number of images in one request and in one batch (16). With the tensor's size, it limits the size of bodies. */
  readonly maxBatch?: number;
  /** Milliseconds that a request waits for others to form a batch (2). An idle tail computes immediately. */
  readonly maxWaitMs?: number;
  /** Largest number of waiting images (128). */
  readonly maxQueue?: number;
  /** Threads of ONNX Runtime that compute one batch (all processors but one). */
  readonly threads?: number;
  /** Token that inference and metrics require as `Authorization: Bearer`. Default: none. */
  readonly token?: Token;
  /** Inference requests per second from one address. Default: unlimited. */
  readonly rateLimit?: number;
  /** Percentage points of accuracy that clients may be asked to give up while the server is busy. Default: none. */
  readonly loosenTau?: number;
  /** What is logged on standard error (`error`); `info` includes every request. Bodies are never logged. */
  readonly log?: LogLevel;
  /** Compresses the web folders before the first request for them. */
  readonly packWeb?: boolean;
  /** Records inference requests as traces. Default: none. */
  readonly tracing?: Tracing;
}

/** Bytes of all bodies that are being received at the same time. */
const BODY_BUDGET = 256 << 20;

/** An edge server that isn't listening yet. `close()` lets running requests end and closes the models. */
export type EdgeServer = FastifyInstance & {
  readonly models: Models;
  /** Checks whether bundle folders were replaced, and serves the new bundles. */
  reload(): Promise<void>;
  /** Reports that the server isn't ready, waits for so many milliseconds, then closes. */
  drain(ms: number): Promise<void>;
};

/**
 * Creates the edge server of one or several bundles. It hosts their web folders and runs their tails for clients of the
 * Open Inference Protocol v2.
 *
 * @throws UserError if a bundle or its tail differs from its manifest, or an option is invalid
 */
export async function createEdgeServer(
  bundles: BundleSource | readonly BundleSource[],
  options: EdgeServerOptions = {},
): Promise<EdgeServer> {
  const { token, log: level = 'error' } = options;
  let models: Models;
  const metrics = createMetrics(() => models);
  const log = createLog(level, metrics.lostLogLines);
  const { app, isDraining, drain } = createHttpServer(log, options, metrics.closed);
  models = await openModels(listOf(bundles), modelOptions(options), eventsOf(metrics, log));
  const parser = createRequestParser();
  app.addHook('onClose', async () => {
    await models.close();
    await parser.close();
    await options.tracing?.close();
  });

  const guards = createGuards(token, options.rateLimit);
  app.get('/metrics', { onRequest: guards.other }, async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.text()),
  );
  const openApi = openApiDocument();
  app.get('/openapi.json', () => openApi);
  const usage = createUsageCounts();
  const loadShedding = createLoadShedding(options.loosenTau, modelOptions(options).maxQueue, log);
  app.get(USAGE_PATH, { onRequest: guards.other }, () => usage.of(models.names.map((name) => models.get(name)!)));
  const readBody = createBodyReader(BODY_BUDGET);
  const isReady = (): boolean => !isDraining();
  const guard = guards.inference;
  const { tracing } = options;
  app.register(inferenceRoutes, { models, metrics, usage, loadShedding, readBody, parser, tracing, guard, isReady });
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

/** Default number of threads for a batch. One processor remains for requests. */
export const defaultThreads = (): number => Math.max(1, availableParallelism() - 1);

function modelOptions(options: EdgeServerOptions) {
  const { maxBatch = 16, maxWaitMs = 2, maxQueue = 128, packWeb = false } = options;
  if (maxQueue < maxBatch) {
    throw new UserError(`queue: expected room for at least one batch of ${maxBatch} images, found ${maxQueue}`);
  }
  const threads = options.threads ?? defaultThreads();
  return { maxBatch, maxWaitMs, maxQueue, threads, packWeb };
}

function eventsOf(metrics: Metrics, log: Logger): ModelEvents {
  return {
    batch: metrics.batch,
    died(model, error, pauseMs) {
      metrics.tail(model, pauseMs === undefined ? 'given up' : 'died');
      const what = pauseMs === undefined ? 'is not restarted again' : `restarts in ${pauseMs / 1000} s`;
      log.error({ model, reason: error.message }, `the thread of a tail died and ${what}`);
    },
    restarted(model) {
      metrics.tail(model, 'restarted');
      log.warn({ model }, 'the thread of a tail has restarted');
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
