import { extname } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants } from 'node:zlib';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { MANIFEST_FILE, sha256 } from '../bundle/manifest.js';
import type { Bundle } from '../bundle/read-bundle.js';

const MEDIA_TYPES: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.png': 'image/png',
  '.ts': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
};

/** Scripts, Workers and connections of this origin only; WebAssembly may compile; pictures may come from a file or a canvas. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "img-src 'self' blob: data:",
  "object-src 'none'",
  "base-uri 'none'",
  "frame-ancestors 'self'",
].join('; ');

interface WebFile {
  readonly bytes: Buffer;
  readonly type: string;
  readonly etag: string;
  /** Made at the first request that can read it. */
  brotli?: Promise<Buffer>;
}

/**
 * Serves the web folder of a bundle from memory: exactly the files that the manifest lists and the manifest, so that no
 * path leads anywhere else. The tail stays on the server: no page needs it.
 */
export function serveWebFiles(app: FastifyInstance, { manifest, files }: Bundle): void {
  const served = new Map<string, WebFile>();
  const add = (path: string, bytes: Buffer) => {
    const type = MEDIA_TYPES[extname(path)] ?? 'application/octet-stream';
    served.set(`/${path}`, { bytes, type, etag: sha256(bytes).slice(0, 32) });
  };
  for (const [path, bytes] of files) if (path !== manifest.tail.file) add(path, bytes);
  add(MANIFEST_FILE, Buffer.from(JSON.stringify(manifest)));

  app.get('/', (_request, reply) => reply.redirect('/demo/'));
  app.get('/demo', (_request, reply) => reply.redirect('/demo/'));
  app.get('/demo/', (request, reply) => send(served.get('/demo/index.html'), request, reply));
  app.get('/*', (request, reply) => send(served.get(request.url.split('?', 1)[0]), request, reply));
}

async function send(file: WebFile | undefined, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  if (!file) {
    reply.callNotFound();
    return reply;
  }
  const packed = /\bbr\b/.test(request.headers['accept-encoding'] ?? '') && file.type !== 'image/png';
  const etag = `"${file.etag}${packed ? '-br' : ''}"`;
  reply.headers({
    etag,
    // Ask every time: files of two exports must not meet in one page.
    'cache-control': 'no-cache',
    vary: 'accept-encoding, origin',
    'x-content-type-options': 'nosniff',
    'content-security-policy': CONTENT_SECURITY_POLICY,
  });
  if (request.headers['if-none-match'] === etag) return reply.code(304).send();
  reply.type(file.type);
  if (!packed) return reply.send(file.bytes);
  file.brotli ??= compress(file.bytes);
  return reply.header('content-encoding', 'br').send(await file.brotli);
}

/** The best compression for what a page waits for; large weights would take seconds of it. */
function compress(bytes: Buffer): Promise<Buffer> {
  const quality = bytes.length < 1_000_000 ? constants.BROTLI_MAX_QUALITY : 6;
  return promisify(brotliCompress)(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: quality } });
}
