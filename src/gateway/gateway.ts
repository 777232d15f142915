import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { requireToken } from '../edge/access.js';
import { createHttpServer, type HttpServerOptions } from '../edge/http-server.js';
import { createLog, type LogLevel } from '../edge/log.js';
import type { Policy } from '../scheduling/policies/policy.js';
import { createDispatcher, type Dispatcher, type DispatcherEvents } from './dispatcher.js';
import { findServers, serverProbes } from './find-servers.js';
import { createForwarder, type Forwarder } from './forward.js';
import { type Health, watchHealth } from './health.js';
import { createMetrics, type Metrics } from './metrics.js';
import { ownRoutes } from './own-routes.js';
import { pollReports } from './reports.js';
import { forwardRoutes } from './routes.js';
import { createScheduler, loggedEvents, type Scheduler } from './scheduler.js';
import { createUpstream, type Upstream } from './upstream.js';

export interface GatewayOptions extends HttpServerOptions {
  /** Origins of the servers, and the requests that each is to have at a time. */
  readonly servers: readonly { readonly origin: string; readonly capacity: number }[];
  readonly policy: Policy;
  /** Milliseconds between two decisions while all servers are busy (10). */
  readonly stepMs?: number;
  /** Milliseconds between two reports of a server (100), and between two health checks (500). */
  readonly reportEveryMs?: number;
  readonly healthEveryMs?: number;
  /** Most requests that wait (512). */
  readonly maxWaiting?: number;
  /** Origin where requests go that find no room or no server. Default: they are told to come again. */
  readonly remote?: string;
  /** Milliseconds that a request may take (10,000), and a server until it begins its answer (5000). */
  readonly timeoutMs?: number;
  readonly answerTimeoutMs?: number;
  /** Most bytes of a body (16 MiB). */
  readonly maxBodyBytes?: number;
  /** Without it as `Authorization: Bearer`, nobody infers or reads metrics; the servers are asked for metrics with it. */
  readonly token?: string;
  /** Inference requests a second from one address. Default: any number. */
  readonly rateLimit?: number;
  /** What is logged on standard error (`error`); at `info`, every request. Never a body. */
  readonly log?: LogLevel;
}

/** A gateway that is not listening yet. */
export type Gateway = FastifyInstance & {
  readonly upstreams: readonly Upstream[];
  readonly scheduler: Scheduler;
  /** Says that it is not ready, so that new requests go elsewhere; then, after so many milliseconds, closes. */
  drain(ms: number): Promise<void>;
};

/**
 * A gateway in front of several servers: it buffers requests and gives each to the server that the policy chooses.
 *
 * @throws UserError where no server is there, or one is no `lcdnn serve`
 */
export async function createGateway(options: GatewayOptions): Promise<Gateway> {
  const { stepMs = 10, reportEveryMs = 100, healthEveryMs = 500, maxWaiting = 512, token } = options;
  const upstreams = options.servers.map(({ origin, capacity }) => createUpstream(origin, capacity));
  let dispatcher: Dispatcher;
  let health: Health;
  const metrics = createMetrics(upstreams, () => dispatcher.waiting());
  const log = createLog(options.log ?? 'error', metrics.lostLogLine);
  const forwarder = createForwarder({ answerTimeoutMs: options.answerTimeoutMs ?? 5000, token });
  const { fetchMetrics, isReady } = serverProbes(forwarder);
  try {
    await findServers(upstreams, isReady, fetchMetrics);
  } catch (thrown) {
    await forwarder.close();
    throw thrown;
  }

  const scheduler = createScheduler(upstreams, options.policy, reportEveryMs, loggedEvents(metrics, log));
  const events: DispatcherEvents = {
    ...metrics,
    unanswered(upstream, error) {
      metrics.unanswered(upstream, error);
      const level = error.how === 'busy' ? 'info' : 'warn';
      log[level]({ server: upstream.origin, how: error.how, reason: error.message }, 'a request was not answered');
      if (error.how === 'refused') health.eject(upstream);
      if (error.how === 'died') health.suspect(upstream);
    },
  };
  dispatcher = createDispatcher(upstreams, scheduler, { stepMs, maxWaiting, remote: options.remote }, events);
  health = watchHealth(upstreams, isReady, healthEveryMs, (upstream) => {
    log.warn({ server: upstream.origin }, upstream.up ? 'the server is back' : 'the server is out');
    dispatcher.wake();
  });
  const stopPolling = pollReports(upstreams, fetchMetrics, reportEveryMs);
  return serveGateway(options, { upstreams, scheduler, dispatcher, forwarder, metrics, log }, async () => {
    stopPolling();
    health.stop();
    await forwarder.close();
  });
}

interface Parts {
  readonly upstreams: readonly Upstream[];
  readonly scheduler: Scheduler;
  readonly dispatcher: Dispatcher;
  readonly forwarder: Forwarder;
  readonly metrics: Metrics;
  readonly log: Logger;
}

async function serveGateway(options: GatewayOptions, parts: Parts, close: () => Promise<void>): Promise<Gateway> {
  const { upstreams, scheduler, metrics } = parts;
  const server = createHttpServer(parts.log, options);
  const { app } = server;
  app.addHook('onClose', close);
  ownRoutes(server, upstreams, metrics, options.token);
  if (options.rateLimit) await app.register(rateLimit, { global: false, max: options.rateLimit, timeWindow: 1000 });
  const guard = options.token === undefined ? [] : [requireToken(options.token)];
  const { timeoutMs = 10_000, maxBodyBytes = 16 << 20 } = options;
  app.register(forwardRoutes, { ...parts, guard, timeoutMs, maxBodyBytes });
  return Object.assign(app, { upstreams, scheduler, drain: server.drain });
}
