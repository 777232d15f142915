import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliDecompressSync, deflateSync, gzipSync } from 'node:zlib';
import type { FastifyInstance, InjectOptions } from 'fastify';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tinyBundle } from '../../test/tiny-bundle.js';
import { random } from '../base/random.js';
import type { Bundle } from '../bundle/read-bundle.js';
import { createEdgeServer } from './server.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-edge-'));
const INFER = '/v2/models/tiny/infer';
let bundle: Bundle;
let app: FastifyInstance;
let count: number;

beforeAll(async () => {
  bundle = await tinyBundle(join(folder, 'bundle'));
  app = await createEdgeServer(bundle, { maxBatch: 3, cors: ['https://shop.example'] });
  count = bundle.manifest.tail.shape.reduce((all, size) => all * size, 1);
});

afterAll(async () => {
  await app?.close();
  rmSync(folder, { recursive: true, force: true });
});

const floats = (length: number) => Float32Array.from({ length }, random(3));
const inputOf = (batch: number, more: object) => ({
  name: 'shared',
  shape: [batch, ...bundle.manifest.tail.shape],
  datatype: 'FP32',
  ...more,
});
const post = (payload: InjectOptions['payload'], headers: Record<string, string> = {}) =>
  app.inject({ method: 'POST', url: INFER, payload, headers: { 'content-type': 'application/json', ...headers } });
const postJson = (body: object) => post(JSON.stringify(body));

/** A request with its tensor in binary. */
function postBinary(values: Float32Array, batch: number, said = 4 * values.length) {
  const head = Buffer.from(
    JSON.stringify({
      id: 'a',
      inputs: [inputOf(batch, { parameters: { binary_data_size: said } })],
      outputs: [{ name: 'logits', parameters: { binary_data: true } }],
    }),
  );
  return post(Buffer.concat([head, new Uint8Array(values.buffer)]), {
    'content-type': 'application/octet-stream',
    'inference-header-content-length': `${head.length}`,
  });
}

async function oracle(values: Float32Array, batch: number): Promise<number[]> {
  const { tail } = bundle.manifest;
  const session = await InferenceSession.create(bundle.files.get(tail.file)!);
  const { logits } = await session.run({ shared: new Tensor('float32', values, [batch, ...tail.shape]) });
  return Array.from(logits.data as Float32Array);
}

describe('the protocol', () => {
  it('tells that server and model are ready, and what the model takes', async () => {
    expect((await app.inject('/v2/health/live')).json()).toEqual({ live: true });
    expect((await app.inject('/v2/health/ready')).json()).toEqual({ ready: true });
    expect((await app.inject('/v2/models/tiny/ready')).json()).toEqual({ name: 'tiny', ready: true });
    expect((await app.inject('/v2')).json()).toMatchObject({ extensions: ['binary_tensor_data'] });
    expect((await app.inject('/v2/models/tiny')).json()).toMatchObject({
      versions: [bundle.manifest.version],
      inputs: [{ name: 'shared', datatype: 'FP32', shape: [-1, ...bundle.manifest.tail.shape] }],
      outputs: [{ name: 'logits', datatype: 'FP32', shape: [-1, 3] }],
    });
  });

  it('answers in JSON what ONNX Runtime does', async () => {
    const values = floats(2 * count);
    const reply = await postJson({ inputs: [inputOf(2, { data: Array.from(values) })] });
    expect(reply.statusCode).toBe(200);
    expect(reply.json().outputs).toEqual([
      { name: 'logits', shape: [2, 3], datatype: 'FP32', data: await oracle(values, 2) },
    ]);
  });

  it('answers in binary what ONNX Runtime does', async () => {
    const values = floats(count);
    const reply = await postBinary(values, 1);
    expect(reply.statusCode).toBe(200);
    const at = Number(reply.headers['inference-header-content-length']);
    expect(JSON.parse(reply.rawPayload.subarray(0, at).toString())).toMatchObject({ model_name: 'tiny', id: 'a' });
    const logits = new Float32Array(new Uint8Array(reply.rawPayload.subarray(at)).buffer);
    expect(Array.from(logits)).toEqual(await oracle(values, 1));
    expect(reply.headers['server-timing']).toMatch(/^parse;dur=[\d.]+, queue;dur=[\d.]+, infer;dur=[\d.]+$/);
  });

  it('reads compressed requests, and no bombs', async () => {
    const values = floats(count);
    const body = JSON.stringify({ inputs: [inputOf(1, { data: Array.from(values) })] });
    for (const [encoding, compress] of [['gzip', gzipSync] as const, ['deflate', deflateSync] as const]) {
      const reply = await post(compress(body), { 'content-encoding': encoding });
      expect(reply.json().outputs[0].data).toEqual(await oracle(values, 1));
      const bomb = await post(compress(Buffer.alloc(2 ** 22)), { 'content-encoding': encoding });
      expect([bomb.statusCode, bomb.json().error]).toEqual([413, expect.stringMatching(/when inflated/)]);
    }
    expect((await post(body, { 'content-encoding': 'br' })).statusCode).toBe(415);
    expect((await post(body, { 'content-encoding': 'gzip' })).statusCode).toBe(400);
  });

  it('names a model that is not here', async () => {
    for (const [method, url] of [
      ['GET', '/v2/models/other'],
      ['GET', '/v2/models/other/ready'],
      ['POST', '/v2/models/other/infer'],
    ] as const) {
      const reply = await app.inject({ method, url });
      expect([reply.statusCode, reply.json().error]).toEqual([404, 'no model other here; there is tiny']);
    }
  });

  it('refuses a bad request with 400 and a reason, and goes on', async () => {
    const data = Array.from(floats(count));
    const bad: [object | string, RegExp][] = [
      ['', /expected JSON/],
      ['{"inputs":', /expected JSON/],
      [{}, /inputs/],
      [{ inputs: [inputOf(1, { name: 'x', data })] }, /input: expected shared, found x/],
      [{ inputs: [inputOf(1, { datatype: 'INT8', data })] }, /datatype: expected FP32/],
      [{ inputs: [inputOf(1, { shape: [1, 2], data })] }, /shape: expected \[1\.\.3,/],
      [{ inputs: [inputOf(4, { data })] }, /shape: expected \[1\.\.3,/],
      [{ inputs: [inputOf(0, { data: [] })] }, /shape: expected/],
      [{ inputs: [inputOf(2 ** 40, { data })] }, /shape: expected/],
      [{ inputs: [inputOf(1, { data: data.slice(1) })] }, new RegExp(`data: expected ${count} values`)],
      [{ inputs: [inputOf(1, { data: data.map(() => null) })] }, /data: expected numbers only/],
      [{ inputs: [inputOf(1, { data: data.map(() => 1e300) })] }, /finite/],
      [{ inputs: [inputOf(1, { data })], outputs: [{ name: 'x' }] }, /output: expected logits, found x/],
    ];
    for (const [body, reason] of bad) {
      const reply = await (typeof body === 'string' ? post(body) : postJson(body));
      expect([reply.statusCode, reply.json().error]).toEqual([400, expect.stringMatching(reason)]);
    }
    expect((await postBinary(floats(count - 1), 1)).json().error).toMatch(/binary_data_size: expected/);
    expect((await postBinary(floats(count - 1), 1, 4 * count)).json().error).toMatch(/bytes after the JSON/);
    expect((await postBinary(new Float32Array(count).fill(Number.NaN), 1)).json().error).toMatch(/NaN/);
    for (const length of ['-1', '1e9', '99999999', 'x']) {
      const reply = await post('{}', { 'inference-header-content-length': length });
      expect([reply.statusCode, reply.json().error]).toEqual([400, expect.stringContaining(length)]);
    }
    expect((await postBinary(floats(count), 1)).statusCode).toBe(200);
  });

  it('refuses a body that no request needs with 413', async () => {
    const reply = await post('x'.repeat(8193 + 25 * 3 * count));
    expect([reply.statusCode, reply.json().error]).toEqual([413, expect.stringContaining('found more')]);
  });

  it('lets pages of the named origin ask, and no others', async () => {
    const ask = (origin: string) => app.inject({ method: 'OPTIONS', url: INFER, headers: { origin } });
    const allowed = await ask('https://shop.example');
    expect([allowed.statusCode, allowed.headers['access-control-allow-origin']]).toEqual([204, 'https://shop.example']);
    expect(allowed.headers['access-control-allow-headers']).toBe(
      'authorization, content-type, content-encoding, inference-header-content-length',
    );
    expect((await ask('https://other.example')).headers).not.toHaveProperty('access-control-allow-origin');
  });
});

describe('the web folder', () => {
  it('is the manifest and the files that it lists, with their types', async () => {
    for (const [path, type] of [
      ['/lcdnn.js', 'text/javascript; charset=utf-8'],
      ['/lcdnn-simd.wasm', 'application/wasm'],
      ['/demo/', 'text/html; charset=utf-8'],
    ]) {
      const reply = await app.inject(path);
      expect([reply.statusCode, reply.headers['content-type']]).toEqual([200, type]);
    }
    expect((await app.inject('/manifest.json')).json()).toEqual(bundle.manifest);
    expect((await app.inject('/')).headers.location).toBe('/demo/');
  });

  it('travels in brotli where the client reads it, and not at all where it has it', async () => {
    const reply = await app.inject({ url: '/weights.safetensors', headers: { 'accept-encoding': 'gzip, br' } });
    expect(brotliDecompressSync(reply.rawPayload)).toEqual(bundle.files.get('weights.safetensors'));
    const headers = { 'accept-encoding': 'gzip, br', 'if-none-match': String(reply.headers.etag) };
    const again = await app.inject({ url: '/weights.safetensors', headers });
    expect([again.statusCode, again.rawPayload.length]).toEqual([304, 0]);
  });

  it('holds neither the tail nor anything beside it', async () => {
    for (const path of [
      '/edge/tail.onnx',
      '/../bundle/lcdnn.js',
      '/%2e%2e/bundle/lcdnn.js',
      '/..%2f..%2fetc/passwd',
      '//etc/passwd',
      '/lcdnn.js/',
      '/__proto__',
    ]) {
      expect([path, (await app.inject(path)).statusCode]).toEqual([path, 404]);
    }
    expect((await app.inject({ method: 'PUT', url: '/lcdnn.js' })).statusCode).toBe(404);
  });
});
