import { parentPort } from 'node:worker_threads';
import { messageOf } from '../base/errors.js';
import { decompress } from './content-encoding.js';
import { bodyTooLarge } from './errors.js';
import { type InferRequest, type ModelTensors, maxBodyBytes, parseInferRequest } from './protocol.js';

/** A large body to decompress and parse. */
export interface ParseMessage {
  readonly body: Uint8Array;
  readonly encoding?: string;
  readonly jsonLength: string | undefined;
  readonly model: ModelTensors;
}

export type FromParseThread =
  | { readonly request: InferRequest }
  | { readonly failure: { readonly statusCode: number | undefined; readonly message: string } };

/** Parses large requests, one after another, so that the thread that answers requests never waits for it. */
parentPort!.on('message', (message: ParseMessage) => {
  try {
    const request = parse(message);
    parentPort!.postMessage({ request } satisfies FromParseThread, [request.values.buffer as ArrayBuffer]);
  } catch (thrown) {
    const { statusCode } = thrown as { readonly statusCode?: number };
    parentPort!.postMessage({ failure: { statusCode, message: messageOf(thrown) } } satisfies FromParseThread);
  }
});

function parse({ body, encoding, jsonLength, model }: ParseMessage): InferRequest {
  const limit = maxBodyBytes(model, jsonLength !== undefined);
  const plain = encoding === undefined ? body : decompress(body, encoding, limit);
  if (!plain) throw bodyTooLarge(limit);
  return parseInferRequest(plain, jsonLength, model);
}
