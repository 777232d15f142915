import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { messageOf } from '../base/errors.js';
import { createGuards, currentToken, type Token } from '../edge/access.js';
import { createHttpServer, type HttpServer, type HttpServerOptions } from '../edge/http-server.js';
import { createLog, type LogLevel } from '../edge/log.js';
import type { Tracing } from '../edge/tracing.js';
import type { Policy } from '../scheduling/policies/policy.js';
import { createDispatcher, type Dispatcher, type DispatcherEvents } from './dispatcher.js';
import { findServers, serverProbes, warnOfUnreportedLoad } from './find-servers.js';
import { createForwarder, type Forwarder } from './forward.js';
import { type Health, watchHealth } from './health.js';
import { translateForJsonServers } from './json-servers.js';
import { createGatewayMetrics, type GatewayMetrics } from './metrics.js';
import { ownRoutes } from './own-routes.js';
import type { ServerAddress } from './parse-servers.js';
import { pollReports, takeReport } from './reports.js';
import { forwardRoutes } from './routes.js';
import { createScheduler, loggedEvents, type Scheduler } from './scheduler.js';
import { createUpstream, type Upstream } from './upstream.js';

export interface GatewayOptions extends HttpServerOptions {
  readonly servers: readonly ServerAddress[];
  readonly policy: Policy;
  /** Milliseconds between two decisions while all servers are busy (10). */
  readonly stepMs?: number;
  /** Milliseconds between two reports of a server (100), and between two health checks (500). */
  readonly reportEveryMs?: number;
  readonly healthEveryMs?: number;
  /** Largest number of waiting requests (512). */
  readonly maxWaiting?: number;
  /** Origin for requests that find no room or no server. Default: they get 503. */
  readonly remote?: string;
  /** Milliseconds that a request may take (10,000), and a server until it starts its answer (5000). */
  readonly timeoutMs?: number;
  readonly answerTimeoutMs?: number;
  /** Largest body in bytes (16 MiB). */
  readonly maxBodyBytes?: number;
  /** Token that inference and metrics require as `Authorization: Bearer`. The gateway itself uses it to read metrics. */
  readonly token?: Token;
  /** Inference requests per second from one address. Default: unlimited. */
  readonly rateLimit?: number;
  /** What is logged on standard error (`error`); `info` includes every request. Bodies are never logged. */
  readonly log?: LogLevel;
  /** Records forwarded requests as traces. Default: none; `traceparent` headers are passed on in any case. */
  readonly tracing?: Tracing;
}

/** A gateway that isn't listening yet. */
export type Gateway = FastifyInstance & {
  readonly upstreams: readonly Upstream[];
  readonly scheduler: Scheduler;
  /** Adds and removes servers. Requests at a removed server are still answered. */
  replaceServers(servers: readonly ServerAddress[]): Promise<void>;
  /** Reports that it isn't ready, waits for so many milliseconds, then closes. */
  drain(ms: number): Promise<void>;
};

/**
 * Creates a gateway in front of several servers: it buffers requests and gives each to the server that the policy chooses.
 *
 * @throws UserError if no server is ready, a server's metrics can't be read, or an option is invalid
 */
export async function createGateway(options: GatewayOptions): Promise<Gateway> {
  const { stepMs = 10, reportEveryMs = 100, healthEveryMs = 500, maxWaiting = 512, token } = options;
  const upstreams = options.servers.map(({ origin, capacity }) => createUpstream(origin, capacity));
  let dispatcher: Dispatcher;
  let health: Health;
  const metrics = createGatewayMetrics(upstreams, () => dispatcher.waiting());
  const log = createLog(options.log ?? 'error', metrics.lostLogLines);
  const server = createHttpServer(log, options, metrics.closed);
  const forwarder = translateForJsonServers(
    createForwarder({
      answerTimeoutMs: options.answerTimeoutMs ?? 5000,
      token: () => currentToken(token),
    }),
  );
  const { fetchMetrics, isReady } = serverProbes(forwarder);
  try {
    await findServers(upstreams, isReady, fetchMetrics);
    warnOfUnreportedLoad(upstreams, log);
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
      log[level](
        { server: upstream.origin, how: error.how, reason: error.message },
        'a server did not answer a request',
      );
      if (error.how === 'refused') health.eject(upstream);
      if (error.how === 'died') health.suspect(upstream);
    },
  };
  dispatcher = createDispatcher(upstreams, scheduler, { stepMs, maxWaiting, remote: options.remote }, events);
  const failed = (thrown: unknown): void => log.error({ reason: messageOf(thrown) }, 'a check of a server failed');
  health = watchHealth(upstreams, isReady, healthEveryMs, {
    changed(upstream) {
      log.warn({ server: upstream.origin }, upstream.up ? 'the server is back' : 'the server is out');
      dispatcher.wake();
    },
    failed,
  });
  const polling = pollReports(upstreams, fetchMetrics, reportEveryMs, failed);
  const app = serveGateway(options, { server, upstreams, dispatcher, forwarder, metrics, log });
  let isClosed = false;
  app.addHook('onClose', async () => {
    isClosed = true;
    polling.stop();
    health.stop();
    await forwarder.close();
    await options.tracing?.close();
  });

  const add = async ({ origin, capacity }: ServerAddress): Promise<void> => {
    const upstream = createUpstream(origin, capacity);
    upstream.up = await isReady(origin);
    if (upstream.up) await takeReport(upstream, fetchMetrics);
    if (isClosed) return;
    upstreams.push(upstream);
    health.watch(upstream);
    polling.watch(upstream);
    log.warn({ server: origin, capacity, ready: upstream.up }, 'a server was added');
  };
  const remove = (upstream: Upstream): void => {
    upstreams.splice(upstreams.indexOf(upstream), 1);
    health.forget(upstream);
    polling.forget(upstream);
    log.warn({ server: upstream.origin }, 'a server was removed');
  };
  const replace = async (servers: readonly ServerAddress[]): Promise<void> => {
    const known = new Map(upstreams.map((upstream) => [upstream.origin, upstream]));
    await Promise.all(servers.filter(({ origin }) => !known.has(origin)).map(add));
    for (const upstream of known.values()) {
      const server = servers.find(({ origin }) => origin === upstream.origin);
      if (server) upstream.capacity = server.capacity;
      else remove(upstream);
    }
    dispatcher.wake();
  };
  let replacing = Promise.resolve();
  return Object.assign(app, {
    upstreams,
    scheduler,
    drain: server.drain,
    // One list after another: a server that doesn't answer the first check delays the end of an addition for seconds.
    replaceServers(servers: readonly ServerAddress[]) {
      replacing = replacing.then(() => (isClosed ? undefined : replace(servers)));
      return replacing;
    },
  });
}

interface Parts {
  readonly server: HttpServer;
  readonly upstreams: readonly Upstream[];
  readonly dispatcher: Dispatcher;
  readonly forwarder: Forwarder;
  readonly metrics: GatewayMetrics;
  readonly log: Logger;
}

function serveGateway(options: GatewayOptions, parts: Parts): FastifyInstance {
  const { server, upstreams, metrics } = parts;
  const { app } = server;
  const guards = createGuards(options.token, options.rateLimit);
  ownRoutes(app, server, upstreams, metrics, guards.other);
  const { timeoutMs = 10_000, maxBodyBytes = 16 << 20, tracing } = options;
  app.register(forwardRoutes, { ...parts, guard: guards.inference, timeoutMs, maxBodyBytes, tracing });
  return app;
}
