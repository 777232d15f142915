import type { IncomingHttpHeaders } from 'node:http';
import { PassThrough, pipeline, type Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { Agent, type Dispatcher } from 'undici';
import { codeOf, messageOf } from '../base/errors.js';
import { type StartedAnswer, Unanswered } from './dispatcher.js';

/** A request to forward. Its body is kept, so that several servers can be tried. */
export interface Forwarded {
  readonly method: string;
  /** Path with query. */
  readonly path: string;
  /** Headers to send, without those of the client's connection. */
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body?: Buffer;
  readonly signal: AbortSignal;
}

/** The answer of a server. */
export interface ServerAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The whole body of a short answer, or one that arrives. */
  readonly body: Buffer | Readable;
}

export interface Forwarder {
  /** @throws Unanswered, or the reason of the aborted signal */
  forward(origin: string, request: Forwarded): Promise<StartedAnswer<ServerAnswer>>;
  /** Fetches a text. @throws Error if it does not arrive within `limitMs` milliseconds */
  text(origin: string, path: string, limitMs: number): Promise<{ readonly status: number; readonly text: string }>;
  close(): Promise<void>;
}

export interface ForwarderOptions {
  /** Milliseconds within which a server must start its answer. */
  readonly answerTimeoutMs: number;
  /** Token for the gateway's own requests. */
  readonly token?: () => string | undefined;
}

const CONNECT_MS = 2000;
/** Longest pause within an answer. */
const STALLED_MS = 10_000;
/** Largest text that the gateway reads for itself, in characters. */
const MAX_TEXT = 4 << 20;
/**
 * Bytes of an inference answer that are read before the client reads them. Answers are smaller, so a server is free as soon
 * as it has answered, however slowly the client reads.
 */
const READ_AHEAD = 1 << 20;

/** Headers that describe a connection, not a message (RFC 9110, 7.6.1). `expect` is answered by the gateway itself. */
const HOP_BY_HOP = new Set([
  'connection',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Removes the headers that describe the connection, including those that `Connection` names (RFC 9110, 7.6.1). */
export function endToEnd(headers: IncomingHttpHeaders): Record<string, string | string[]> {
  const named = new Set((headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase()));
  const kept = Object.entries(headers).filter(
    ([name, value]) => value !== undefined && !HOP_BY_HOP.has(name) && !named.has(name),
  );
  return Object.fromEntries(kept) as Record<string, string | string[]>;
}

/** Forwards requests over connections that are kept open. */
export function createForwarder({ answerTimeoutMs, token }: ForwarderOptions): Forwarder {
  const agent = new Agent({
    connect: { timeout: CONNECT_MS },
    headersTimeout: answerTimeoutMs,
    bodyTimeout: STALLED_MS,
  });
  return {
    async forward(origin, { method, path, headers, body, signal }) {
      const answer = await agent
        .request({ origin, path, method: method as Dispatcher.HttpMethod, headers, body, signal })
        .catch((thrown) => {
          signal.throwIfAborted();
          throw new Unanswered(codeOf(thrown) === 'ECONNREFUSED' ? 'refused' : 'died', messageOf(thrown));
        });
      if (answer.statusCode === 503) {
        void answer.body.dump().catch(() => {}); // another server needn't wait for the end of this answer
        throw new Unanswered('busy', 'the server is overloaded (503)');
      }
      if (answer.statusCode < 200 || answer.statusCode > 599) {
        answer.body.on('error', () => {}).destroy();
        throw new Unanswered('died', `expected a status from 200 to 599, found ${answer.statusCode}`);
      }
      const { statusCode: status, headers: received } = answer;
      const isInference = method === 'POST';
      if (isInference && Number(received['content-length']) <= READ_AHEAD) {
        const whole = await answer.body.bytes().catch((thrown) => {
          signal.throwIfAborted();
          throw new Unanswered('died', messageOf(thrown));
        });
        return {
          answer: { status, headers: received, body: Buffer.from(whole.buffer, whole.byteOffset, whole.byteLength) },
          ended: Promise.resolve(),
        };
      }
      const ended = finished(answer.body).catch(() => {});
      return {
        answer: { status, headers: received, body: isInference ? readAhead(answer.body) : answer.body },
        ended,
      };
    },
    async text(origin, path, limitMs) {
      const signal = AbortSignal.timeout(limitMs);
      const current = token?.();
      const headers = current === undefined ? {} : { authorization: `Bearer ${current}` };
      const { statusCode, body } = await agent.request({ origin, path, method: 'GET', headers, signal });
      let text = '';
      for await (const part of body.setEncoding('utf8')) {
        text += part;
        if (text.length > MAX_TEXT) throw new Error(`expected at most ${MAX_TEXT} characters, found more`);
      }
      return { status: statusCode, text };
    },
    close: () => agent.destroy(),
  };
}

/** Reads a stream faster than its consumer does, up to `READ_AHEAD` bytes. An error passes in both directions. */
function readAhead(source: Readable): Readable {
  return pipeline(source, new PassThrough({ highWaterMark: READ_AHEAD }), () => {});
}

/** Reads and drops the body of an answer that isn't passed on. */
export function dropBody({ body }: ServerAnswer): void {
  if (!Buffer.isBuffer(body)) body.on('error', () => {}).resume();
}
