import { Flags } from '@oclif/core';
import { UserError } from '../base/errors.js';
import { readFileOrExplain } from '../base/files.js';
import { LOG_LEVELS } from '../edge/log.js';

/** The flags of everything that listens. */
export const serverFlags = {
  host: Flags.string({ default: '127.0.0.1', summary: 'Address to listen on; 0.0.0.0 for every network.' }),
  port: Flags.integer({ default: 8080, min: 0, max: 65535, summary: 'Port to listen on; 0 for any that is free.' }),
  cors: Flags.string({
    multiple: true,
    summary: 'Origin of another site whose pages may ask; * for any. Repeatable.',
  }),
  'token-file': Flags.string({
    summary: 'File with the bearer token that inference and metrics then ask for; or LCDNN_TOKEN in the environment.',
  }),
  'rate-limit': Flags.integer({ min: 1, summary: 'Most inference requests a second from one address.' }),
  'trust-proxy': Flags.string({
    multiple: true,
    summary: 'Address or range (CIDR) of a proxy whose X-Forwarded-For is believed. Repeatable.',
  }),
  'max-connections': Flags.integer({ default: 1024, min: 1, summary: 'Most connections at a time.' }),
  'request-timeout': Flags.integer({ default: 30, min: 1, summary: 'Seconds for a request to come in whole.' }),
  drain: Flags.integer({
    default: 2,
    min: 0,
    summary: 'Seconds from SIGTERM, when readiness ends, until the server no longer listens.',
  }),
  log: Flags.option({ options: LOG_LEVELS })({
    default: 'warn',
    summary: 'What is logged as JSON lines on standard error; info: every request. Never images.',
  }),
};

interface GivenServerFlags {
  readonly cors?: string[];
  readonly 'token-file'?: string;
  readonly 'rate-limit'?: number;
  readonly 'trust-proxy'?: string[];
  readonly 'max-connections': number;
  readonly 'request-timeout': number;
  readonly log: (typeof LOG_LEVELS)[number];
}

/** What those flags say, as options of a server. @throws UserError where there is no token in its file */
export function serverOptions(flags: GivenServerFlags) {
  return {
    cors: flags.cors,
    token: tokenIn(flags['token-file']),
    rateLimit: flags['rate-limit'],
    trustProxy: flags['trust-proxy'],
    maxConnections: flags['max-connections'],
    requestTimeoutMs: 1000 * flags['request-timeout'],
    log: flags.log,
  };
}

function tokenIn(file: string | undefined): string | undefined {
  if (file === undefined) return process.env['LCDNN_TOKEN'] || undefined;
  const token = readFileOrExplain(file, 'a file with the token').toString().trim();
  if (token) return token;
  throw new UserError(`${file}: expected a token, found nothing`);
}
