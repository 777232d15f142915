import { existsSync, readFileSync, statSync } from 'node:fs';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants } from 'node:zlib';
import fastify, { type FastifyInstance } from 'fastify';
import { sha256 } from '../../src/base/hash.js';

const MEDIA_TYPES: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
};

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Files that both sides load from one origin; all others are in the folder of this run. */
const FOLDERS: Record<string, string> = {
  'device-page': here('../../templates/measure'),
  kernels: here('../../kernels/prebuilt'),
  'onnxruntime-web': here('../../node_modules/onnxruntime-web/dist'),
  litert: here('../../node_modules/@litertjs/core/wasm'),
  page: here('.'),
  'tfjs-wasm': here('../../node_modules/@tensorflow/tfjs-backend-wasm/dist'),
};

/** Larger files consist of floats that hardly compress, and would take minutes at the best quality. */
const BEST_QUALITY_BYTES = 16e6;

export interface BenchServerOptions {
  /** Whether everything is sent compressed. */
  readonly brotli?: boolean;
  /** Delays the script of a Worker, because Chromium's network emulation doesn't. */
  readonly workerDelayMs?: number;
}

const script = (src: string, hints = ''): string =>
  `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">${hints}<script type="module" src="${src}"></script>`;
const fetched = (href: string): string => `<link rel="preload" as="fetch" crossorigin href="${href}">`;

/** Serves the benchmark's pages, and `folder` under `/run/`. */
export function createBenchServer(folder: string, options: BenchServerOptions = {}): FastifyInstance {
  const app = fastify();
  const compressed = new Map<string, Buffer>();
  const packed = (path: string, bytes: Buffer): Buffer => {
    const quality = bytes.length < BEST_QUALITY_BYTES ? constants.BROTLI_MAX_QUALITY : 5;
    const known =
      compressed.get(path) ?? brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: quality } });
    compressed.set(path, known);
    return known;
  };
  // Only isolated pages get a clock of 5 instead of 100 microseconds.
  app.addHook('onSend', async (_request, reply) => {
    reply.headers({ 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' });
  });
  app.get('/', (_request, reply) => reply.type('text/html').send(Buffer.from(script('/page/page.js'))));
  app.get<{ Querystring: { bundle: string } }>('/cold/lcdnn', (request, reply) => {
    const { bundle } = request.query;
    const files = ['manifest.json', 'lcdnn-relaxed-simd.wasm', 'weights.safetensors'];
    const hints = `<link rel="modulepreload" href="${bundle}lcdnn.js"><link rel="modulepreload" href="${bundle}lcdnn-worker.js">${files.map((file) => fetched(bundle + file)).join('')}`;
    return reply.type('text/html').send(Buffer.from(script('/page/cold-lcdnn.js', hints)));
  });
  app.get<{ Querystring: { bundle: string } }>('/cold/lcdnn-first', (request, reply) => {
    const { bundle } = request.query;
    const scripts = ['lcdnn.js', 'lcdnn-first.js'].map((file) => `<link rel="modulepreload" href="${bundle}${file}">`);
    const hints = scripts.join('') + fetched(`${bundle}manifest.json`);
    return reply.type('text/html').send(Buffer.from(script('/page/cold-lcdnn.js', hints)));
  });
  app.get<{ Querystring: { model: string } }>('/cold/onnxruntime-web', (request, reply) => {
    const hints = [request.query.model, '/onnxruntime-web/ort-wasm-simd-threaded.wasm'].map(fetched).join('');
    return reply.type('text/html').send(Buffer.from(script('/page/cold-onnxruntime-web.js', hints)));
  });
  app.get<{ Querystring: { model: string } }>('/cold/litert', (request, reply) => {
    const files = [request.query.model, '/litert/litert_wasm_internal.wasm'];
    const hints = `<link rel="modulepreload" href="/run/litert.js">${files.map(fetched).join('')}`;
    return reply.type('text/html').send(Buffer.from(script('/page/cold-litert.js', hints)));
  });
  app.get<{ Params: { name: string; '*': string } }>('/:name/*', async (request, reply) => {
    const { name, '*': rest } = request.params;
    const root = name === 'run' ? folder : FOLDERS[name];
    const path = root && join(root, normalize(`/${rest}`));
    if (!path || !existsSync(path) || !statSync(path).isFile()) return reply.code(404).send();
    if (request.headers['sec-fetch-dest'] === 'worker') {
      await new Promise((resolve) => setTimeout(resolve, options.workerDelayMs ?? 0));
    }
    const bytes = readFileSync(path);
    const etag = `"${sha256(bytes)}"`;
    reply
      .header('etag', etag)
      .type(MEDIA_TYPES[extname(path)] ?? 'application/octet-stream')
      .header('cache-control', options.brotli ? 'max-age=600' : 'no-store');
    if (request.headers['if-none-match'] === etag) return reply.code(304).send();
    return options.brotli ? reply.header('content-encoding', 'br').send(packed(path, bytes)) : reply.send(bytes);
  });
  return app;
}
