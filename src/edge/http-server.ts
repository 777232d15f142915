import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from 'fastify';
import type { Logger } from 'pino';
import { allowOrigins, sendSecurityHeaders } from './access.js';
import { answerErrors } from './errors.js';

export interface HttpServerOptions {
  /** Origins of other sites whose pages may ask; `*` is any. Default: none but the server's own. */
  readonly cors?: readonly string[];
  /** Addresses (or CIDR ranges) of proxies whose `X-Forwarded-For` is believed. Default: none. */
  readonly trustProxy?: readonly string[];
  /** Most connections at a time (1024). */
  readonly maxConnections?: number;
  /** Milliseconds for a request to come in whole (30,000); a third of it for its head. */
  readonly requestTimeoutMs?: number;
}

/** Milliseconds after which a connection on which nothing moves is cut. */
const STALLED_MS = 120_000;
/** Milliseconds between two looks for connections to close, while the server closes. */
const IDLE_LOOK_MS = 50;

/** A server without routes: its limits, its headers, how it answers errors and how it ends. */
export interface HttpServer {
  readonly app: FastifyInstance;
  isDraining(): boolean;
  /** Says that it is not ready, so that new requests go elsewhere. */
  endReadiness(): void;
  /** The same; then, after so many milliseconds, closes. */
  drain(ms: number): Promise<void>;
}

export function createHttpServer(log: Logger, options: HttpServerOptions): HttpServer {
  const { requestTimeoutMs = 30_000, cors = [], trustProxy, maxConnections = 1024 } = options;
  const app: FastifyInstance = fastify({
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: log.level !== 'info' }),
    // Where requests are not logged, nothing is gained by a logger for each.
    ...(log.level !== 'info' && { childLoggerFactory: (logger: FastifyBaseLogger) => logger }),
    trustProxy: trustProxy ? [...trustProxy] : false,
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
  app.server.maxConnections = maxConnections;
  answerErrors(app);
  sendSecurityHeaders(app);
  if (cors.length > 0) allowOrigins(app, cors);
  let draining = false;
  const endReadiness = (): void => {
    draining = true;
  };
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (draining) reply.header('connection', 'close');
    done();
  });
  closeIdleWhileClosing(app);
  return {
    app,
    isDraining: () => draining,
    endReadiness,
    async drain(ms) {
      endReadiness();
      await new Promise((resolve) => setTimeout(resolve, ms));
      await app.close();
    },
  };
}

/** A connection whose answer had begun before goes on after it, and would keep the server for as long as its client likes. */
function closeIdleWhileClosing(app: FastifyInstance): void {
  const { server } = app;
  app.addHook('preClose', async () => {
    if (!server.listening) return;
    const timer = setInterval(() => server.closeIdleConnections(), IDLE_LOOK_MS);
    server.once('close', () => clearInterval(timer));
  });
}
