import type { Readable } from 'node:stream';
import { messageOf } from '../base/errors.js';
import { decompress, encodingOf } from '../edge/content-encoding.js';
import { answerInBinary, listsBinaryTensors, requestInJson } from '../edge/json-tensors.js';
import { JSON_LENGTH_HEADER } from '../edge/protocol.js';
import { type StartedAnswer, Unanswered } from './dispatcher.js';
import { dropBody, type Forwarded, type Forwarder, type ServerAnswer } from './forward.js';

/** Answers to a request that a server can't read. */
const REFUSALS = [400, 415, 422, 500];
const METADATA_MS = 2000;
/** Longest uncompressed body that is translated: the gateway answers nothing else meanwhile. */
const MAX_BODY = 512 << 10;
/** Longest answer that is translated. */
const MAX_ANSWER = 32 << 20;

/**
 * Translates binary requests for servers that only read JSON (MLServer). A server counts as one if it refuses a binary
 * request, doesn't list the binary extension at `/v2`, and answers the same request in JSON. Longer requests than `MAX_BODY` are
 * passed on as they are.
 */
export function translateForJsonServers(forwarder: Forwarder): Forwarder {
  const reads = new Map<string, 'binary' | 'JSON'>();
  const forward = async (origin: string, request: Forwarded): Promise<StartedAnswer<ServerAnswer>> => {
    const isBinary = request.headers[JSON_LENGTH_HEADER] !== undefined && request.body !== undefined;
    if (!isBinary || reads.get(origin) === 'binary') return forwarder.forward(origin, request);
    if (reads.get(origin) === 'JSON') {
      return (await forwardInJson(forwarder, origin, request)) ?? forwarder.forward(origin, request);
    }
    const first = await forwarder.forward(origin, request);
    const { status } = first.answer;
    if (status < 300) reads.set(origin, 'binary');
    if (!REFUSALS.includes(status)) return first;
    const metadata = await forwarder
      .text(origin, '/v2', METADATA_MS)
      .then(({ text }) => JSON.parse(text))
      .catch(() => undefined);
    if (listsBinaryTensors(metadata)) {
      reads.set(origin, 'binary');
      return first;
    }
    const second = await forwardInJson(forwarder, origin, request);
    if (second?.answer.status !== 200) {
      if (second) dropBody(second.answer);
      return first;
    }
    reads.set(origin, 'JSON');
    dropBody(first.answer);
    return second;
  };
  return { ...forwarder, forward };
}

/** Sends a binary request in JSON, and writes the answer in binary if the client wants that. @returns undefined if the request is invalid */
async function forwardInJson(
  forwarder: Forwarder,
  origin: string,
  request: Forwarded,
): Promise<StartedAnswer<ServerAnswer> | undefined> {
  const { [JSON_LENGTH_HEADER]: jsonLength, 'content-encoding': coding, ...headers } = request.headers;
  const plain = plainBody(request.body!, coding);
  const translated = plain && requestInJson(plain, Number(jsonLength));
  if (!translated) return undefined;
  const body = Buffer.from(translated.json);
  const inJson = { 'content-type': 'application/json', 'content-length': `${body.length}` };
  const started = await forwarder.forward(origin, { ...request, headers: { ...headers, ...inJson }, body });
  if (started.answer.status !== 200 || !translated.binaryOutput) return started;
  const text = await readWhole(started.answer.body);
  const binary = answerInBinary(String(text)) ?? { headers: {}, body: text };
  const { 'content-length': _, 'transfer-encoding': __, ...kept } = started.answer.headers;
  const answer = { status: 200, headers: { ...kept, ...binary.headers }, body: binary.body };
  return { answer, ended: started.ended };
}

/** @throws Unanswered if the answer breaks off or is too long, so that another server is tried */
async function readWhole(answer: Buffer | Readable): Promise<Buffer> {
  if (Buffer.isBuffer(answer)) return answer;
  const parts: Buffer[] = [];
  let length = 0;
  try {
    for await (const part of answer) {
      parts.push(part);
      length += part.length;
      if (length > MAX_ANSWER) throw new Error(`expected an answer of at most ${MAX_ANSWER} bytes, found more`);
    }
  } catch (thrown) {
    throw new Unanswered('died', messageOf(thrown));
  }
  return Buffer.concat(parts);
}

function plainBody(body: Buffer, coding: string | string[] | undefined): Buffer | undefined {
  try {
    const encoding = encodingOf(coding?.toString());
    const plain = encoding ? decompress(body, encoding, MAX_BODY) : body;
    return plain && plain.length <= MAX_BODY ? plain : undefined;
  } catch {
    return undefined;
  }
}
