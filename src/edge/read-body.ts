import type { IncomingMessage } from 'node:http';
import { createGunzip, createInflate, gunzipSync, inflateSync } from 'node:zlib';
import { Refusal } from './errors.js';

/** Bytes of a compressed body that is inflated in one go, in a third of a stream's time: at most 4 MB, a few milliseconds. */
const SMALL = 4096;
const ENCODINGS = new Map([
  ['gzip', { stream: createGunzip, whole: gunzipSync }],
  ['deflate', { stream: createInflate, whole: inflateSync }],
]);

/**
 * Reads bodies, so that all of them together never take more than a budget. A body in gzip or deflate is inflated while it
 * comes, and limit and budget hold for what it becomes; a small one when it is here, and the limit holds.
 */
export function createBodyReader(budgetBytes: number): (request: IncomingMessage, limit: number) => Promise<Buffer> {
  let held = 0;
  /** @param limit bytes of this body */
  return (request, limit) =>
    new Promise((resolve, reject) => {
      const tooLarge = () => new Refusal(413, `body: expected at most ${limit} bytes, found more`);
      if (Number(request.headers['content-length'] ?? 0) > limit) return reject(tooLarge());
      const encoding = encodingOf(request);
      const isSmall = Number(request.headers['content-length']) <= SMALL;
      const inflater = isSmall ? undefined : encoding?.stream();
      const source = inflater ?? request;
      let chunks: Buffer[] = [];
      let length = 0;
      const end = (): void => {
        held -= length;
        chunks = [];
        source.off('data', take).off('end', give);
        request.off('error', fail).off('close', leave);
        if (inflater) request.unpipe(inflater);
        inflater?.destroy();
      };
      const fail = (error: Error): void => {
        end();
        reject(error);
      };
      const take = (chunk: Buffer): void => {
        length += chunk.length;
        held += chunk.length;
        chunks.push(chunk);
        if (length > limit) fail(tooLarge());
        else if (held > budgetBytes) fail(new Refusal(503, 'the edge is reading too much at once; ask again'));
      };
      const give = (): void => {
        const body = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks, length);
        end();
        try {
          resolve(isSmall && encoding ? encoding.whole(body, { maxOutputLength: limit }) : body);
        } catch (thrown) {
          reject((thrown as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' ? tooLarge() : damaged());
        }
      };
      const leave = (): void => {
        if (!request.complete) fail(new Refusal(499, 'the client went away'));
      };
      const damaged = () => new Refusal(400, 'body: expected the content-encoding that it says, found another');
      source.on('data', take).on('end', give);
      request.on('error', fail).on('close', leave);
      if (inflater) request.pipe(inflater).once('error', () => fail(damaged()));
    });
}

/** @throws Refusal for an encoding that is not read here */
function encodingOf({ headers }: IncomingMessage) {
  const encoding = headers['content-encoding']?.trim().toLowerCase() || 'identity';
  const known = ENCODINGS.get(encoding);
  if (known || encoding === 'identity') return known;
  throw new Refusal(415, `content-encoding: expected gzip or deflate, found ${encoding}`);
}
