import type { IncomingHttpHeaders } from 'node:http';
import type { Worker } from 'node:worker_threads';
import { startThread } from '../base/threads.js';
import { AbusiveRequest, BadRequest } from './bad-request.js';
import { clientOf } from './client-address.js';
import { decompress, encodingOf } from './content-encoding.js';
import { bodyTooLarge, Refusal } from './errors.js';
import { Overloaded } from './models/batcher.js';
import type { FromParseThread, ParseFailure, ParseMessage } from './parse-thread.js';
import {
  type InferRequest,
  JSON_LENGTH_HEADER,
  type ModelTensors,
  maxBodyBytes,
  parseInferRequest,
} from './protocol.js';

/** Bytes that are decompressed, and bytes of JSON that are parsed, in the thread that answers: about a millisecond of work. */
const MAX_INLINE_BYTES = 512 << 10;
const MAX_INLINE_JSON = 64 << 10;

/** Compressed bytes that are decompressed in that thread. Some streams cost much more time than their output suggests. */
const MAX_INLINE_COMPRESSED = 64 << 10;

/** Requests that wait for the parser's thread, and their bytes: in all, and of one client. */
const MOST_WAITING = { requests: 64, bytes: 256 << 20 };
const MOST_WAITING_OF_CLIENT = { requests: 16, bytes: 64 << 20 };

/** Decompresses and parses the bodies of infer requests. Large ones are handled in a thread of their own. */
export interface RequestParser {
  /** @throws BadRequest, Refusal or Overloaded */
  parse(body: Buffer, headers: IncomingHttpHeaders, model: ModelTensors, address: string): Promise<InferRequest>;
  close(): Promise<void>;
}

interface Job {
  readonly client: string;
  readonly message: ParseMessage;
  resolve(request: InferRequest): void;
  reject(error: Error): void;
}

const isFull = (jobs: readonly Job[], most: { readonly requests: number; readonly bytes: number }): boolean =>
  jobs.length >= most.requests || jobs.reduce((sum, { message }) => sum + message.body.length, 0) >= most.bytes;

export function createRequestParser(): RequestParser {
  let thread: Worker | undefined;
  let waiting: Job[] = [];
  let running: Job | undefined;
  let lastClient: string | undefined;

  /** Clients take turns, so that one with many requests doesn't keep the others waiting. */
  const startNext = (): void => {
    if (running || waiting.length === 0) return;
    const next = waiting.find(({ client }) => client !== lastClient) ?? waiting[0];
    waiting = waiting.filter((job) => job !== next);
    running = next;
    lastClient = next.client;
    thread ??= start();
    thread.postMessage(next.message);
  };
  const finish = (settle: (job: Job) => void): void => {
    const job = running;
    running = undefined;
    if (job) settle(job);
    startNext();
  };
  const start = (): Worker => {
    const started = startThread(import.meta.url, 'parse-thread');
    started.unref();
    started.on('message', (reply: FromParseThread) =>
      finish((job) => ('request' in reply ? job.resolve(reply.request) : job.reject(revive(reply.failure)))),
    );
    started
      .on('error', () => {})
      .on('exit', () => {
        if (thread !== started) return;
        thread = undefined;
        finish((job) => job.reject(new Error('the thread that parses requests has ended')));
      });
    return started;
  };
  const parseInThread = (message: Job['message'], client: string): Promise<InferRequest> =>
    new Promise((resolve, reject) => {
      const ofClient = waiting.filter((job) => job.client === client);
      if (isFull(waiting, MOST_WAITING) || isFull(ofClient, MOST_WAITING_OF_CLIENT)) throw new Overloaded(1);
      waiting.push({ client, message, resolve, reject });
      startNext();
    });

  return {
    async parse(body, headers, model, address) {
      const encoding = encodingOf(headers['content-encoding']);
      const jsonLength = headers[JSON_LENGTH_HEADER]?.toString();
      const limit = maxBodyBytes(model, jsonLength !== undefined);
      const isSmall = (plain: Uint8Array): boolean => jsonLength !== undefined || plain.length <= MAX_INLINE_JSON;
      const inlineLimit = jsonLength === undefined ? MAX_INLINE_JSON : MAX_INLINE_BYTES;
      const isInline = !encoding || body.length <= MAX_INLINE_COMPRESSED;
      const plain = encoding && isInline ? decompress(body, encoding, Math.min(limit, inlineLimit)) : undefined;
      const whole = encoding ? plain : body;
      if (whole && isSmall(whole)) return parseInferRequest(whole, jsonLength, model);
      if (isInline && !whole && limit <= inlineLimit) throw bodyTooLarge(limit);
      const { input, output, maxBatch, version } = model;
      const tensors = { input, output, maxBatch, version };
      const message = whole ? { body: whole } : { body, encoding };
      return parseInThread({ ...message, jsonLength, model: tensors }, clientOf(address));
    },
    async close() {
      const ended = thread;
      thread = undefined;
      await ended?.terminate();
    },
  };
}

function revive({ statusCode, message, misuse }: ParseFailure): Error {
  if (misuse) return new AbusiveRequest(message, misuse, statusCode);
  if (statusCode === 400) return new BadRequest(message);
  return statusCode === undefined ? new Error(message) : new Refusal(statusCode, message);
}
