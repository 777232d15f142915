import type { IncomingMessage } from 'node:http';
import { Refusal } from './errors.js';

/** Reads bodies, so that all of them together never take more than a budget. */
export function createBodyReader(budgetBytes: number): (request: IncomingMessage, limit: number) => Promise<Buffer> {
  let held = 0;
  /** @param limit bytes of this body */
  return (request, limit) =>
    new Promise((resolve, reject) => {
      const tooLarge = () => new Refusal(413, `body: expected at most ${limit} bytes, found more`);
      if (Number(request.headers['content-length'] ?? 0) > limit) return reject(tooLarge());
      let chunks: Buffer[] = [];
      let length = 0;
      const end = (): void => {
        held -= length;
        chunks = [];
        request.off('data', take).off('end', give).off('error', fail).off('close', leave);
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
      const leave = (): void => fail(new Refusal(499, 'the client went away'));
      request.on('data', take).on('end', give).on('error', fail).on('close', leave);
    });
}
