import { parentPort } from 'node:worker_threads';
import { messageOf } from '../base/errors.js';
import { decompress } from './content-encoding.js';
import { bodyTooLarge } from './errors.js';
import type { Misuse } from './penalties.js';
import { type InferRequest, type ModelTensors, maxBodyBytes, parseInferRequest } from './protocol.js';

/** A large body to decompress and parse. */
export interface ParseMessage {
  readonly body: Uint8Array;
  readonly encoding?: string;
  readonly jsonLength: string | undefined;
  readonly model: ModelTensors;
}

export type FromParseThread = { readonly request: InferRequest } | { readonly failure: ParseFailure };

export interface ParseFailure {
  readonly statusCode: number | undefined;
  readonly message: string;
  readonly misuse?: Misuse;
}

/** Parses large requests, one after another, so that the thread that answers requests never waits for it. */
parentPort!.on('message', (message: ParseMessage) => {
  try {
    const request = parse(message);
    parentPort!.postMessage({ request } satisfies FromParseThread, [request.values.buffer as ArrayBuffer]);
  } catch (thrown) {
    const { statusCode, misuse } = thrown as { readonly statusCode?: number; readonly misuse?: Misuse };
    parentPort!.postMessage({ failure: { statusCode, message: messageOf(thrown), misuse } } satisfies FromParseThread);
  }
});

function parse({ body, encoding, jsonLength, model }: ParseMessage): InferRequest {
  const limit = maxBodyBytes(model, jsonLength !== undefined);
  const plain = encoding === undefined ? body : decompress(body, encoding, limit);
  if (!plain) throw bodyTooLarge(limit);
  return parseInferRequest(plain, jsonLength, model);
}
