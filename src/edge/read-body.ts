import type { IncomingMessage } from 'node:http';
import { createGunzip, createInflate } from 'node:zlib';
import { Refusal } from './errors.js';

/**
 * Reads bodies, so that all of them together never take more than a budget. A body in gzip or deflate is inflated while it
 * comes; limit and budget hold for what it becomes.
 */
export function createBodyReader(budgetBytes: number): (request: IncomingMessage, limit: number) => Promise<Buffer> {
  let held = 0;
  /** @param limit bytes of this body */
  return (request, limit) =>
    new Promise((resolve, reject) => {
      const tooLarge = () => new Refusal(413, `body: expected at most ${limit} bytes, found more`);
      if (Number(request.headers['content-length'] ?? 0) > limit) return reject(tooLarge());
      const inflater = inflaterOf(request);
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
        resolve(body);
      };
      const leave = (): void => {
        if (!request.complete) fail(new Refusal(499, 'the client went away'));
      };
      const damaged = (): void =>
        fail(new Refusal(400, 'body: expected the content-encoding that it says, found another'));
      source.on('data', take).on('end', give);
      request.on('error', fail).on('close', leave);
      if (inflater) request.pipe(inflater).once('error', damaged);
    });
}

/** @throws Refusal for an encoding that is not read here */
function inflaterOf({ headers }: IncomingMessage) {
  const encoding = headers['content-encoding']?.trim().toLowerCase() || 'identity';
  if (encoding === 'gzip') return createGunzip();
  if (encoding === 'deflate') return createInflate();
  if (encoding === 'identity') return undefined;
  throw new Refusal(415, `content-encoding: expected gzip or deflate, found ${encoding}`);
}
