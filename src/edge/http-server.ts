import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from 'fastify';
import type { Logger } from 'pino';
import { codeOf } from '../base/errors.js';
import { allowOrigins, SECURITY_HEADERS, sendSecurityHeaders } from './access.js';
import { AbusiveRequest } from './bad-request.js';
import { addressMatcher } from './client-address.js';
import { type CloseReason, limitConnections } from './connections.js';
import { answerErrors, Refusal } from './errors.js';

export interface HttpServerOptions {
  /** Origins of other sites whose pages may send requests; `*` for any. Default: only the server's own. */
  readonly cors?: readonly string[];
  /** Addresses or CIDR ranges of proxies whose `X-Forwarded-For` is trusted. Default: none. */
  readonly trustProxy?: readonly string[];
  /** Largest number of connections (1024). */
  readonly maxConnections?: number;
  /** Largest number of connections of one client (half of all). Trusted proxies have no limit of their own. */
  readonly maxConnectionsPerClient?: number;
  /** Milliseconds for a request to arrive completely (30,000), and a third of it for its headers. */
  readonly requestTimeoutMs?: number;
  /** Milliseconds in which a client has to read at least 16 KiB of a waiting answer (30,000). */
  readonly sendTimeoutMs?: number;
}

/** Node's limit for headers, which a path is among. */
const MAX_HEADER_BYTES = 16 << 10;
/** Longest header that is accepted, as nginx and Apache do by default. */
const MAX_HEADER_VALUE = 8 << 10;
/** Milliseconds after which a connection without any traffic is closed. */
const STALLED_MS = 120_000;
/** Proxies in a row that are believed. `X-Forwarded-For` has room for thousands of addresses. */
const MOST_PROXIES = 16;
/** Milliseconds between two checks for idle connections while the server closes. */
const IDLE_CHECK_MS = 50;

/** A server without routes: its limits, its headers, how it answers errors and how it ends. */
export interface HttpServer {
  readonly app: FastifyInstance;
  isDraining(): boolean;
  /** Reports that it isn't ready, so that load balancers send requests elsewhere. */
  endReadiness(): void;
  /** Ends readiness, waits for so many milliseconds, then closes. */
  drain(ms: number): Promise<void>;
}

/**
 * @param onClose called when the server closes a connection on its own
 * @throws UserError if `cors` or `trustProxy` is invalid
 */
export function createHttpServer(
  log: Logger,
  options: HttpServerOptions,
  onClose: (reason: CloseReason) => void = () => {},
): HttpServer {
  const { requestTimeoutMs = 30_000, cors = [], trustProxy = [], maxConnections = 1024 } = options;
  const isProxy = addressMatcher(trustProxy);
  const app: FastifyInstance = fastify({
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: log.level !== 'info' }),
    // Without request logging, a logger for each request would cost time for nothing.
    ...(log.level !== 'info' && { childLoggerFactory: (logger: FastifyBaseLogger) => logger }),
    trustProxy: trustProxy.length > 0 ? (address, hop) => hop < MOST_PROXIES && isProxy(address) : false,
    rewriteUrl: ({ url = '/' }) => originForm(url),
    clientErrorHandler(error, socket) {
      if (isMisuse(error)) countMisuse(socket, 'invalid HTTP');
      answerParserError(error, socket);
    },
    routerOptions: { maxParamLength: MAX_HEADER_BYTES },
    frameworkErrors: (_error, _request, { raw }) => answerBadPath(raw),
    forceCloseConnections: 'idle',
    return503OnClosing: false, // requests that were accepted are answered
    requestTimeout: requestTimeoutMs,
    connectionTimeout: STALLED_MS,
    http: {
      headersTimeout: Math.ceil(requestTimeoutMs / 3),
      connectionsCheckingInterval: Math.min(1000, requestTimeoutMs / 4),
      keepAlive: true,
    },
  });
  const limits = {
    most: maxConnections,
    mostPerClient: options.maxConnectionsPerClient ?? Math.ceil(maxConnections / 2),
    isProxy,
    sendTimeoutMs: options.sendTimeoutMs ?? 30_000,
  };
  const countMisuse = limitConnections(app.server, limits, {
    closed(reason, client) {
      onClose(reason);
      if (reason !== 'penalty') log.info({ client, reason }, 'a connection was closed');
    },
    penalized: (client, seconds) => log.warn({ client, seconds }, PENALTY),
  });
  sendSecurityHeaders(app);
  answerErrors(app, countMisuse);
  refuseLongHeaders(app, isProxy);
  refuseAmbiguity(app);
  // Expectations that the server doesn't know don't matter to it (RFC 9110, 10.1.1).
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response));
  if (cors.length > 0) allowOrigins(app, cors);
  refuseAsterisk(app);
  if (trustProxy.length === 0) warnOfUndeclaredProxy(app, log);
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

const PENALTY =
  'a client has misused the server; its connections are closed for some time (if it is a proxy, declare it with --trust-proxy)';

/** Browsers, too, open connections without using them, or end them early. Other parsing errors are the fault of the client. */
const isMisuse = (error: Error): boolean =>
  !['ECONNRESET', 'EPIPE', 'ERR_HTTP_REQUEST_TIMEOUT', 'HPE_INVALID_EOF_STATE'].includes(codeOf(error) ?? '');

/** A header of nearly 16 KiB costs much more to read than its answer. Proxies have limits of their own. */
function refuseLongHeaders(app: FastifyInstance, isProxy: (address: string) => boolean): void {
  app.addHook('onRequest', ({ raw }, _reply, done) => {
    const isLong = raw.rawHeaders.some((text) => text.length > MAX_HEADER_VALUE);
    if (!isLong || isProxy(raw.socket.remoteAddress ?? '')) return done();
    done(new AbusiveRequest('expected headers of at most 8 KiB each, found a longer one', 'long header', 431));
  });
}

/** What Node's parser accepts, but a proxy in front may read in another way: several hosts, or a version other than 1. */
function refuseAmbiguity(app: FastifyInstance): void {
  app.addHook('onRequest', ({ raw }, _reply, done) => {
    const { rawHeaders, httpVersion, httpVersionMajor } = raw;
    let hosts = 0;
    for (let i = 0; i < rawHeaders.length; i += 2) {
      if (rawHeaders[i].length === 4 && rawHeaders[i].toLowerCase() === 'host') hosts++;
    }
    if (hosts > 1)
      return done(new Refusal(400, `host: expected one header, found ${hosts}`, { closesConnection: true }));
    if (httpVersionMajor === 1) return done();
    done(new Refusal(505, `expected HTTP/1.0 or HTTP/1.1, found HTTP/${httpVersion}`, { closesConnection: true }));
  });
}

/** The path of a request target in absolute form (`GET http://host/path`), which servers must accept (RFC 9112, 3.2.2). */
function originForm(target: string): string {
  if (target.startsWith('/')) return target;
  const rest = /^https?:\/\/[^/?#]*(.*)$/i.exec(target)?.[1];
  if (rest === undefined) return target === '*' ? ASTERISK : '/';
  return rest.startsWith('/') ? rest : `/${rest}`;
}

/** A path for requests for `*`, which the router can't handle. `refuseAsterisk` answers them. */
const ASTERISK = '/*';

/** `OPTIONS *` asks whether the server is alive (RFC 9110, 9.3.7). Other methods have no use for `*`. */
function refuseAsterisk(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    if (request.originalUrl !== '*') return done();
    if (request.method !== 'OPTIONS') return done(new Refusal(400, `expected a path, found * with ${request.method}`));
    reply.code(204).header('allow', 'GET, HEAD, OPTIONS, POST').send();
  });
}

/** Answers a path that the router can't decode. No hook runs for it. */
function answerBadPath(response: ServerResponse): void {
  const body = JSON.stringify({ error: 'path: expected valid percent-encoding, found other text' });
  response.writeHead(400, errorHeaders(body)).end(body);
}

const errorHeaders = (body: string) => ({
  ...SECURITY_HEADERS,
  'content-type': 'application/json; charset=utf-8',
  'content-length': Buffer.byteLength(body),
});

const PARSER_STATUS: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
};

/** Answers a request that Node's HTTP parser refuses, with the same headers as every other answer. */
function answerParserError(error: Error, socket: Socket): void {
  // Node's own handler uses this field, too: a second answer would be read as a part of the first.
  const { _httpMessage: answer } = socket as { readonly _httpMessage?: { readonly headersSent: boolean } };
  if (codeOf(error) === 'ECONNRESET' || !socket.writable || answer?.headersSent) {
    socket.destroy();
    return;
  }
  const status = PARSER_STATUS[codeOf(error) ?? ''] ?? 400;
  const reasons: Readonly<Record<number, string>> = {
    408: 'expected a complete request in time, found an unfinished one',
    431: 'expected at most 16 KiB of headers, found more',
  };
  const body = JSON.stringify({ error: reasons[status] ?? 'expected a valid HTTP/1.1 request' });
  const headers = { ...errorHeaders(body), connection: 'close' };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`);
}

/** Behind a proxy that isn't declared, all clients have the proxy's address: the first sign of one is logged. */
function warnOfUndeclaredProxy(app: FastifyInstance, log: Logger): void {
  let warned = false;
  app.addHook('onRequest', (request, _reply, done) => {
    if (!warned && request.headers['x-forwarded-for'] !== undefined) {
      warned = true;
      log.warn(
        { proxy: request.ip },
        'a request has X-Forwarded-For, but no --trust-proxy is given: limits count all clients of that proxy as one',
      );
    }
    done();
  });
}

/** Keep-alive connections whose answer began before the server closes would keep it open as long as their client likes. */
function closeIdleWhileClosing(app: FastifyInstance): void {
  const { server } = app;
  app.addHook('preClose', async () => {
    if (!server.listening) return;
    const timer = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS);
    server.once('close', () => clearInterval(timer));
  });
}
