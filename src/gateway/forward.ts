import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { Agent, type Dispatcher } from 'undici';
import { codeOf, messageOf } from '../base/errors.js';
import { type Begun, Unanswered } from './dispatcher.js';

/** A request as it goes on to a server. The body stays as it was read, for as many servers as are asked. */
export interface Forwarded {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body?: Buffer;
  readonly signal: AbortSignal;
}

/** The answer of a server, of which the body comes as it is read. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readable;
}

export interface Forwarder {
  /** @throws Unanswered, or what the signal was aborted with */
  forward(origin: string, request: Forwarded): Promise<Begun<Answer>>;
  /** What is under a path, as text. @throws where there is none within so many milliseconds */
  text(origin: string, path: string, limitMs: number): Promise<{ readonly status: number; readonly text: string }>;
  close(): Promise<void>;
}

export interface ForwarderOptions {
  /** Milliseconds within which a server has to begin its answer. */
  readonly answerTimeoutMs: number;
  /** For the gateway's own questions. */
  readonly token?: string;
}

const CONNECT_MS = 2000;
/** Between two pieces of an answer. */
const STALLED_MS = 10_000;
const MOST_TEXT = 4 << 20;

/** What a connection says of itself, and not of the message. `expect` is answered here. */
const HOP_BY_HOP = new Set([
  'connection',
  'expect',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Headers that go on to the other side; those too that `connection` names stay. */
export function endToEnd(headers: IncomingHttpHeaders): Record<string, string | string[]> {
  const named = (headers.connection ?? '').toLowerCase().split(/\s*,\s*/);
  const kept = Object.entries(headers).filter(
    ([name, value]) => value !== undefined && !HOP_BY_HOP.has(name) && !named.includes(name),
  );
  return Object.fromEntries(kept) as Record<string, string | string[]>;
}

/** Forwards over connections that are kept. */
export function createForwarder({ answerTimeoutMs, token }: ForwarderOptions): Forwarder {
  const agent = new Agent({
    connect: { timeout: CONNECT_MS },
    headersTimeout: answerTimeoutMs,
    bodyTimeout: STALLED_MS,
  });
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return {
    async forward(origin, { method, path, headers, body, signal }) {
      const answer = await agent
        .request({ origin, path, method: method as Dispatcher.HttpMethod, headers: endToEnd(headers), body, signal })
        .catch((thrown) => {
          signal.throwIfAborted();
          throw new Unanswered(codeOf(thrown) === 'ECONNREFUSED' ? 'refused' : 'died', messageOf(thrown));
        });
      if (answer.statusCode === 503) {
        await answer.body.dump().catch(() => {});
        throw new Unanswered('busy', 'it has too much to do');
      }
      const ended = finished(answer.body).catch(() => {});
      return { answer: { status: answer.statusCode, headers: answer.headers, body: answer.body }, ended };
    },
    async text(origin, path, limitMs) {
      const signal = AbortSignal.timeout(limitMs);
      const { statusCode, body } = await agent.request({ origin, path, method: 'GET', headers: authorization, signal });
      let text = '';
      for await (const part of body.setEncoding('utf8')) {
        text += part;
        if (text.length > MOST_TEXT) throw new Error(`expected at most ${MOST_TEXT} characters, found more`);
      }
      return { status: statusCode, text };
    },
    close: () => agent.destroy(),
  };
}
