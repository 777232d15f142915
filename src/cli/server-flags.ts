import { Flags } from '@oclif/core';
import { LOG_LEVELS } from '../edge/log.js';
import { createTokenSource } from './token-source.js';

/** Flags of commands that listen on a port. */
export const serverFlags = {
  host: Flags.string({ default: '127.0.0.1', summary: 'Address to listen on; 0.0.0.0 for every network.' }),
  port: Flags.integer({ default: 8080, min: 0, max: 65535, summary: 'Port to listen on; 0 picks a free one.' }),
  cors: Flags.string({
    multiple: true,
    summary: 'Origin of another site whose pages may send requests; * for any. Repeatable.',
  }),
  'token-file': Flags.string({
    summary:
      'File with the bearer token that inference and metrics require; or LCDNN_TOKEN in the environment. SIGHUP reads it again.',
  }),
  'rate-limit': Flags.integer({ min: 1, summary: 'Maximum number of inference requests per second from one address.' }),
  'trust-proxy': Flags.string({
    multiple: true,
    summary: 'Address or range (CIDR) of a proxy whose X-Forwarded-For header is trusted. Repeatable.',
  }),
  'max-connections': Flags.integer({
    default: 1024,
    min: 1,
    summary: 'Maximum number of connections. When full, a new connection replaces the one that is idle longest.',
  }),
  'max-connections-per-client': Flags.integer({
    min: 1,
    summary:
      'Maximum number of connections from one address, except trusted proxies. [default: half of --max-connections]',
  }),
  'request-timeout': Flags.integer({ default: 30, min: 1, summary: 'Seconds for a request to arrive completely.' }),
  'send-timeout': Flags.integer({
    default: 30,
    min: 1,
    summary:
      'Seconds in which a client must read at least 16 KiB of a waiting answer; slower clients are disconnected.',
  }),
  drain: Flags.integer({
    default: 2,
    min: 0,
    summary: 'Seconds between SIGTERM, when the server becomes unready, and the moment it stops listening.',
  }),
  otel: Flags.boolean({
    summary:
      "Send traces of requests with OpenTelemetry's Node SDK, as its standard OTEL_* variables say. Needs @opentelemetry/sdk-node.",
  }),
  log: Flags.option({ options: LOG_LEVELS })({
    default: 'warn',
    summary: 'What is logged as JSON lines on standard error. info logs every request, but never images.',
  }),
};

interface GivenServerFlags {
  readonly cors?: string[];
  readonly 'token-file'?: string;
  readonly 'rate-limit'?: number;
  readonly 'trust-proxy'?: string[];
  readonly 'max-connections': number;
  readonly 'max-connections-per-client'?: number;
  readonly 'request-timeout': number;
  readonly 'send-timeout': number;
  readonly log: (typeof LOG_LEVELS)[number];
}

/** Turns the flags into options of a server. @throws UserError if the token file contains no token */
export function serverOptions(flags: GivenServerFlags) {
  const token = createTokenSource(flags['token-file']);
  return {
    cors: flags.cors,
    token: token.current,
    /** Reads the token file again. @throws UserError */
    reloadToken: token.reload,
    rateLimit: flags['rate-limit'],
    trustProxy: flags['trust-proxy'],
    maxConnections: flags['max-connections'],
    maxConnectionsPerClient: flags['max-connections-per-client'],
    requestTimeoutMs: 1000 * flags['request-timeout'],
    sendTimeoutMs: 1000 * flags['send-timeout'],
    log: flags.log,
  };
}
