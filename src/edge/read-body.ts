import type { IncomingMessage } from 'node:http';
import { AbusiveRequest } from './bad-request.js';
import { clientOf } from './client-address.js';
import { bodyTooLarge, Refusal } from './errors.js';

/** Memory that a chunk takes besides its bytes: clients may send bodies a byte at a time. */
const CHUNK_OVERHEAD = 512;
/** Bodies of more chunks than this must have this many bytes in each, on average. */
const MANY_CHUNKS = 1000;
const LEAST_CHUNK_BYTES = 64;

const tooManyChunks = (): AbusiveRequest =>
  new AbusiveRequest(
    `body: expected chunks of at least ${LEAST_CHUNK_BYTES} bytes on average, found smaller ones`,
    'tiny chunks',
  );

/** A body that is being read. */
interface Unfinished {
  readonly client: string;
  held: number;
  refuse(error: Refusal | AbusiveRequest): void;
}

/** Reads the body of a request as it was sent, compressed or not. @throws Refusal or AbusiveRequest */
export type ReadBody = (request: IncomingMessage, address: string, limitBytes: number) => Promise<Buffer>;

/**
 * Reads bodies within a memory budget for all of them together. If it is exceeded, the client whose unfinished bodies take
 * the most memory loses its oldest one, so that clients that send slowly, or much, make way for the others.
 */
export function createBodyReader(budgetBytes: number): ReadBody {
  /** Bodies in order of arrival. */
  const unfinished = new Set<Unfinished>();
  let held = 0;

  const makeRoom = (): void => {
    while (held > budgetBytes) {
      const byClient = new Map<string, number>();
      for (const { client, held } of unfinished) byClient.set(client, (byClient.get(client) ?? 0) + held);
      const [largest] = [...byClient].reduce((most, entry) => (entry[1] > most[1] ? entry : most));
      const oldest = [...unfinished].find(({ client }) => client === largest)!;
      const reason = 'the server is receiving too much data at the same time; try again';
      oldest.refuse(new Refusal(503, reason, { retryAfterS: 1, closesConnection: true }));
    }
  };

  return (request, address, limitBytes) =>
    new Promise((resolve, reject) => {
      if (Number(request.headers['content-length'] ?? 0) > limitBytes) return reject(bodyTooLarge(limitBytes));
      let chunks: Buffer[] = [];
      let length = 0;
      const body: Unfinished = {
        client: clientOf(address),
        held: 0,
        refuse(error) {
          end();
          reject(error);
        },
      };
      const end = (): void => {
        unfinished.delete(body);
        held -= body.held;
        chunks = [];
        request.off('data', take).off('end', finish).off('error', fail).off('close', onClose);
        if (!request.complete) request.resume(); // what still comes is dropped
      };
      const take = (chunk: Buffer): void => {
        length += chunk.length;
        body.held += chunk.length + CHUNK_OVERHEAD;
        held += chunk.length + CHUNK_OVERHEAD;
        chunks.push(chunk);
        if (length > limitBytes) body.refuse(bodyTooLarge(limitBytes));
        else if (chunks.length > MANY_CHUNKS && length < LEAST_CHUNK_BYTES * chunks.length)
          body.refuse(tooManyChunks());
        else if (held > budgetBytes) makeRoom();
      };
      const finish = (): void => {
        const whole = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks, length);
        end();
        resolve(whole);
      };
      const fail = (error: Error): void => {
        end();
        reject(error);
      };
      const onClose = (): void => {
        if (!request.complete) body.refuse(new Refusal(499, 'the client disconnected'));
      };
      unfinished.add(body);
      request.on('data', take).on('end', finish).on('error', fail).on('close', onClose);
    });
}
