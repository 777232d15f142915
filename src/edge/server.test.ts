import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliDecompressSync, deflateSync, gunzipSync, gzipSync } from 'node:zlib';
import type { InjectOptions } from 'fastify';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { fullNetworkLogits } from '../../test/full-network.js';
import { SIZE, tinyBundle, tinyDraft } from '../../test/tiny-bundle.js';
import { random } from '../base/random.js';
import { pageManifest } from '../bundle/manifest.js';
import type { Bundle } from '../bundle/read-bundle.js';
import { writeBundle } from '../bundle/write-bundle.js';
import { createEdgeServer, type EdgeServer, type EdgeServerOptions } from './server.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-edge-'));
const INFER = '/v2/models/tiny/infer';
let bundle: Bundle;
let app: EdgeServer;
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

describe('entry points', () => {
  const LEVELS = Uint8Array.from({ length: 2 * SIZE * SIZE }, (_, i) => (i * 91) % 256);
  const ask = (server: EdgeServer, model: string, image: Uint8Array, version?: string) =>
    server.inject({
      method: 'POST',
      url: `/v2/models/${model}/infer`,
      payload: {
        parameters: { version },
        inputs: [
          {
            name: 'given',
            shape: [image.length / SIZE ** 2, SIZE, SIZE, 1],
            datatype: 'UINT8',
            data: Array.from(image),
          },
        ],
      },
    });

  it('answer an image with the full network, for a model with one exit and with three', async () => {
    const exits = await tinyBundle(join(folder, 'exits'), { name: 'exits', tau: [0.3, 0.5, 0.7] });
    const server = await createEdgeServer([bundle, exits]);
    for (const [name, count] of [
      ['tiny', 1],
      ['exits', 3],
    ] as const) {
      const reply = await ask(server, `${name}-image`, LEVELS);
      expect(reply.statusCode, reply.body).toBe(200);
      expect(reply.json()).toMatchObject({ model_name: `${name}-image` });
      const expected = await fullNetworkLogits(LEVELS, count);
      for (const [i, logit] of reply.json().outputs[0].data.entries()) expect(logit).toBeCloseTo(expected[i], 4);
    }
    await server.close();
  });

  it('answer the output of an earlier exit', async () => {
    const { manifest, files } = await tinyBundle(join(folder, 'exit'), { name: 'exits', tau: [0.3, 0.5, 0.7] });
    const server = await createEdgeServer({ manifest, files });
    const image = LEVELS.subarray(0, SIZE * SIZE);
    const session = await InferenceSession.create(files.get('edge/image.onnx')!);
    const feeds = { given: new Tensor('uint8', image, [1, SIZE, SIZE, 1]) };
    const { sent } = await session.run(feeds);
    const entry = manifest.entries!.find(({ model }) => model === 'exits-exit1')!;
    expect(entry).toMatchObject({
      from: 1,
      shape: sent.dims.slice(1),
      files: expect.arrayContaining(['edge/tail.onnx']),
    });
    const reply = await server.inject({
      method: 'POST',
      url: '/v2/models/exits-exit1/infer',
      payload: {
        inputs: [{ name: 'given', shape: sent.dims, datatype: 'FP32', data: Array.from(sent.data as Float32Array) }],
      },
    });
    const expected = await fullNetworkLogits(image, 3);
    for (const [i, logit] of reply.json().outputs[0].data.entries()) expect(logit).toBeCloseTo(expected[i], 4);
    await server.close();
  });

  it('have metadata, metrics and the version of their bundle, but no pages', async () => {
    const { version } = bundle.manifest;
    expect((await app.inject('/v2/models/tiny-image')).json()).toMatchObject({
      name: 'tiny-image',
      versions: [version],
      inputs: [{ name: 'given', datatype: 'UINT8', shape: [-1, SIZE, SIZE, 1] }],
    });
    const image = LEVELS.subarray(0, SIZE * SIZE);
    expect((await ask(app, `tiny-image/versions/${version}`, image)).statusCode).toBe(200);
    expect((await ask(app, 'tiny-image', image, 'abcdefabcdef')).statusCode).toBe(409);
    expect((await app.inject('/tiny-image/manifest.json')).statusCode).toBe(404);
    const metrics = (await app.inject('/metrics')).body;
    expect(metrics).toContain('lcdnn_requests_total{model="tiny-image",code="200"} 1');
    expect(metrics).toMatch(/lcdnn_batch_images_count\{model="tiny-image"\} 1/);
  });

  it('need the models that the manifest names', async () => {
    const { manifest, files } = bundle;
    const [image] = manifest.entries!;
    const other = { manifest: { ...manifest, entries: [{ ...image, input: 'pixels' }] }, files };
    await expect(createEdgeServer(other)).rejects.toThrow(/edge\/image\.onnx: expected input pixels and output logits/);
    const twin = await tinyBundle(join(folder, 'twin'), { name: 'tiny-image' });
    await expect(createEdgeServer([bundle, twin])).rejects.toThrow('found tiny-image twice');
  });
});

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
      const compressed = (sent: Buffer) => post(sent, { 'content-encoding': encoding });
      // What is small is inflated in another way.
      for (const sent of [compress(body), compress(body.padEnd(6000), { level: 0 })]) {
        expect((await compressed(sent)).json().outputs[0].data).toEqual(await oracle(values, 1));
        expect((await compressed(sent.subarray(0, sent.length - 20))).statusCode).toBe(400);
      }
      for (const bytes of [2 ** 18, 2 ** 24]) {
        const bomb = await compressed(compress(Buffer.alloc(bytes)));
        expect([bomb.statusCode, bomb.json().error]).toEqual([413, expect.stringMatching(/^body: expected at most/)]);
      }
    }
    expect((await post(body, { 'content-encoding': 'constructor' })).statusCode).toBe(415);
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

  it('tells clients of another version first that they must load it again', async () => {
    const other = { parameters: { version: '000000000000' }, inputs: [inputOf(1, { datatype: 'UINT8', data: [] })] };
    const reply = await postJson(other);
    expect([reply.statusCode, reply.json().error]).toEqual([
      409,
      expect.stringMatching(/^version: expected .* found 0+;/),
    ]);
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
    expect((await app.inject('/lcdnn.js')).headers.vary).toBe('origin, accept-encoding');
  });
});

describe('the OpenAPI document', () => {
  it('has the routes of the protocol, and schemas for all that it refers to', async () => {
    const document = (await app.inject('/openapi.json')).json();
    expect(document).toMatchObject({ openapi: '3.1.0', info: { title: 'lcdnn serve' } });
    const schemas = new Set(Object.keys(document.components.schemas));
    const references = JSON.stringify(document).match(/(?<="#\/components\/schemas\/)\w+/g) ?? [];
    expect(references.filter((name) => !schemas.has(name))).toEqual([]);
    for (const [path, { get }] of Object.entries<{ get?: { responses: object } }>(document.paths)) {
      if (!get) continue;
      const url = path.replace('{model}', 'tiny').replace('{version}', bundle.manifest.version);
      const { statusCode } = await app.inject(url);
      expect([url, statusCode, Object.keys(get.responses)]).toEqual([url, 200, expect.arrayContaining(['200'])]);
    }
  });

  it('describes the answers, and what a request may contain', async () => {
    const { components } = (await app.inject('/openapi.json')).json();
    const { InferRequest } = components.schemas;
    expect(InferRequest.required).toEqual(['inputs']);
    expect(Object.keys(InferRequest.properties.parameters.properties)).toEqual(
      expect.arrayContaining(['timeout', 'version', 'exits', 'entropy', 'branch', 'audit', 'tau']),
    );
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
    expect((await app.inject('/manifest.json')).json()).toEqual(pageManifest(bundle.manifest));
    expect((await app.inject('/')).headers.location).toBe('/demo/');
  });

  it('travels in brotli where the client reads it, and not at all where it has it', async () => {
    const reply = await app.inject({ url: '/weights.safetensors', headers: { 'accept-encoding': 'gzip, br' } });
    expect(brotliDecompressSync(reply.rawPayload)).toEqual(bundle.files.get('weights.safetensors'));
    const headers = { 'accept-encoding': 'gzip, br', 'if-none-match': String(reply.headers.etag) };
    const again = await app.inject({ url: '/weights.safetensors', headers });
    expect([again.statusCode, again.rawPayload.length]).toEqual([304, 0]);
  });

  it.each([
    ['*', 304],
    ['W/TAG', 304],
    ['"x", W/TAG', 304],
    ['"x",TAG,"y"', 304],
    ['"x", W/"y"', 200],
    ['TAG-br', 200],
    ['', 200],
  ])('is compared with the tags that a browser has: %s', async (header, status) => {
    const { headers } = await app.inject('/weights.safetensors');
    const tags = header.replaceAll('TAG-br', '"-br"').replaceAll('TAG', String(headers.etag));
    const reply = await app.inject({ url: '/weights.safetensors', headers: { 'if-none-match': tags } });
    expect(reply.statusCode).toBe(status);
  });

  it('travels in gzip where the client reads no brotli, and as it is where that is not smaller', async () => {
    const ask = async (url: string, accepted: string) => {
      const { headers, rawPayload } = await app.inject({ url, headers: { 'accept-encoding': accepted } });
      return { encoding: headers['content-encoding'], etag: headers.etag, body: rawPayload };
    };
    const script = bundle.files.get('lcdnn.js')!;
    const gzip = await ask('/lcdnn.js', 'gzip, deflate, br;q=0');
    expect([gzip.encoding, gunzipSync(gzip.body).equals(script)]).toEqual(['gzip', true]);
    const plain = await ask('/lcdnn.js', 'identity');
    expect([plain.encoding, plain.body.equals(script)]).toEqual([undefined, true]);
    expect(new Set([gzip.etag, plain.etag, (await ask('/lcdnn.js', 'br')).etag]).size).toBe(3);
  });

  it('is the same for ever under its version', async () => {
    const { version } = bundle.manifest;
    const cachingOf = async (url: string) => {
      const { statusCode, headers } = await app.inject(url);
      return [statusCode, headers['cache-control']];
    };
    expect(await cachingOf('/lcdnn.js')).toEqual([200, 'no-cache']);
    for (const path of ['lcdnn.js', 'manifest.json', 'demo/'])
      expect(await cachingOf(`/${version}/${path}`)).toEqual([200, 'public, max-age=31536000, immutable']);
    const page = (await app.inject('/demo/')).body;
    expect(page).toContain(`<script type="module" src="../${version}/demo/demo.js">`);
    expect(page).toContain(`href="../${version}/manifest.json"`);
    expect(page).toContain('<link rel="icon" href="data:,">');
    expect((await app.inject(`/${version}/demo/`)).rawPayload).toEqual(bundle.files.get('demo/index.html'));
    for (const path of [`/${version}`, `/${version}/edge/tail.onnx`, '/000000000000/lcdnn.js', `/${version}/x`])
      expect([path, ...(await cachingOf(path))]).toEqual([path, 404, undefined]);
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
    for (const method of ['PUT', 'DELETE', 'QUERY', 'PROPFIND'] as const) {
      const reply = await app.inject({ method: method as 'PUT', url: '/lcdnn.js' });
      expect([method, reply.statusCode, reply.headers['allow']]).toEqual([method, 405, 'GET, HEAD, OPTIONS, POST']);
      expect(reply.headers).toHaveProperty('content-security-policy');
    }
  });
});

describe('every answer', () => {
  it('has the security headers', async () => {
    for (const url of ['/demo/', '/lcdnn.js', '/v2', '/metrics', '/nothing', '/v2/models/other']) {
      const { headers } = await app.inject(url);
      expect([url, headers['content-security-policy'], headers['x-content-type-options']]).toEqual([
        url,
        expect.stringContaining("script-src 'self' 'wasm-unsafe-eval';"),
        'nosniff',
      ]);
    }
  });

  it('is counted', async () => {
    const text = (await app.inject('/metrics')).body;
    expect(text).toMatch(/^lcdnn_requests_total\{model="tiny",code="200"\} \d/m);
    expect(text).toMatch(/^lcdnn_requests_total\{model="unknown",code="404"\} 1$/m);
    expect(text).toMatch(/^lcdnn_batch_images_bucket\{le="2",model="tiny"\} \d/m);
    expect(text).toMatch(/^lcdnn_queue_images\{model="tiny"\} 0$/m);
    expect(text).toContain(`lcdnn_model_info{model="tiny",version="${bundle.manifest.version}"} 1\n`);
  });
});

describe('several bundles', () => {
  let several: EdgeServer;
  let other: Bundle;
  beforeAll(async () => {
    other = await tinyBundle(join(folder, 'other'), { name: 'other' }, 2);
    several = await createEdgeServer([bundle, join(folder, 'other')]);
  });
  afterAll(() => several?.close());

  it('have their web folders under their names, and a list of them at the root', async () => {
    expect((await several.inject('/')).body).toMatch(/href="\/tiny\/demo\/".*href="\/other\/demo\/"/);
    for (const [path, from] of [
      ['/tiny/manifest.json', bundle],
      ['/other/manifest.json', other],
      [`/other/${other.manifest.version}/manifest.json`, other],
    ] as const)
      expect((await several.inject(path)).json()).toEqual(pageManifest(from.manifest));
    expect((await several.inject('/other')).headers.location).toBe('/other/demo/');
    expect((await several.inject('/other/')).headers.location).toBe('/other/demo/');
    for (const path of ['/lcdnn.js', `/tiny/${other.manifest.version}/lcdnn.js`, '/third/lcdnn.js'])
      expect([path, (await several.inject(path)).statusCode]).toEqual([path, 404]);
  });

  it('answer by their names, with and without the version', async () => {
    const values = floats(count);
    const payload = JSON.stringify({ inputs: [inputOf(1, { data: Array.from(values) })] });
    const ask = (path: string) => several.inject({ method: 'POST', url: `/v2/models/${path}/infer`, payload });
    const [tiny, second] = [await ask('tiny'), await ask(`other/versions/${other.manifest.version}`)];
    expect(tiny.json()).toMatchObject({ model_name: 'tiny', outputs: [{ data: await oracle(values, 1) }] });
    expect(second.json().model_name).toBe('other');
    expect(second.json().outputs[0].data).not.toEqual(tiny.json().outputs[0].data);
    expect((await ask('third')).json()).toEqual({ error: 'no model third here; there is tiny, other' });
  });

  it('may not be named as what is there already', async () => {
    await writeBundle(join(folder, 'v2'), tinyDraft({ name: 'v2' }));
    const named = join(folder, 'v2');
    await expect(createEdgeServer([bundle, named])).rejects.toThrow('expected a bundle of another name, found v2');
  });
});

describe('limits', () => {
  let app: EdgeServer | undefined;
  afterEach(() => app?.close());

  it('ask for the token where there is one, but not for health, metadata and files', async () => {
    app = await createEdgeServer(bundle, { token: 'secret' });
    const ask = (url: string, authorization?: string) =>
      app!.inject({ method: url === INFER ? 'POST' : 'GET', url, headers: authorization ? { authorization } : {} });
    for (const authorization of [undefined, 'secret', 'Bearer', 'Bearer secret2', 'Bearer secre', 'Basic secret']) {
      for (const url of [INFER, '/metrics']) {
        const { statusCode, headers } = await ask(url, authorization);
        expect([authorization, statusCode, headers['www-authenticate']]).toEqual([authorization, 401, 'Bearer']);
      }
    }
    expect((await ask('/metrics', 'Bearer secret')).statusCode).toBe(200);
    expect((await ask(INFER, 'Bearer secret')).statusCode).toBe(400);
    for (const url of ['/v2/health/ready', '/v2/models/tiny', '/lcdnn.js'])
      expect((await ask(url)).statusCode).toBe(200);
  });

  it('let one address ask so often, and believe only known proxies about addresses', async () => {
    app = await createEdgeServer(bundle, { rateLimit: 2, trustProxy: ['10.0.0.0/8'] });
    const ask = async (remoteAddress: string, client?: string) => {
      const headers = client ? { 'x-forwarded-for': client } : {};
      return (await app!.inject({ method: 'POST', url: INFER, remoteAddress, headers })).statusCode;
    };
    const asked = async (...by: Parameters<typeof ask>) => [await ask(...by), await ask(...by), await ask(...by)];
    expect(await asked('192.0.2.1', '198.51.100.1')).toEqual([400, 400, 429]);
    expect(await ask('192.0.2.1', '198.51.100.2')).toBe(429);
    expect(await asked('10.0.0.1', '198.51.100.1')).toEqual([400, 400, 429]);
    expect(await ask('10.0.0.1', '198.51.100.2')).toBe(400);
    expect((await app.inject({ url: '/v2', remoteAddress: '192.0.2.1' })).statusCode).toBe(200);
  });

  it.each<[EdgeServerOptions, RegExp]>([
    [{ cors: ['https://shop.example/'] }, /--cors: expected .*; did you mean https:\/\/shop\.example\?/],
    [{ cors: ['https://Shop.example:443'] }, /did you mean https:\/\/shop\.example\?/],
    [
      { cors: ['shop.example'] },
      /--cors: expected \* or an origin such as https:\/\/shop.example, found shop.example$/,
    ],
    [{ trustProxy: ['proxy'] }, /--trust-proxy: expected an IP address, a CIDR range/],
  ])('that could never work are refused: %j', async (options, reason) => {
    await expect(createEdgeServer(bundle, options)).rejects.toThrow(reason);
  });

  it('use the current token', async () => {
    let token = 'old';
    app = await createEdgeServer(bundle, { token: () => token });
    const ask = async (given: string) =>
      (await app!.inject({ url: '/metrics', headers: { authorization: `Bearer ${given}` } })).statusCode;
    expect([await ask('old'), await ask('new')]).toEqual([200, 401]);
    token = 'new';
    expect([await ask('old'), await ask('new')]).toEqual([401, 200]);
  });

  it('have room for a batch in the queue', async () => {
    await expect(createEdgeServer(bundle, { maxBatch: 16, maxQueue: 15 })).rejects.toThrow(/queue: expected room/);
  });
});

describe('a server that ends', () => {
  it('is not ready first, answers what still comes, and then what runs', async () => {
    const app = await createEdgeServer(bundle, {});
    const url = await app.listen({ port: 0 });
    const ended = app.drain(2000); // long enough for three requests on a busy machine
    const ready = await fetch(`${url}/v2/health/ready`);
    expect([ready.status, ready.headers.get('connection')]).toEqual([503, 'close']);
    expect((await fetch(`${url}/v2/health/live`)).status).toBe(200);
    const payload = JSON.stringify({ inputs: [inputOf(1, { data: Array.from(floats(count)) })] });
    expect((await fetch(url + INFER, { method: 'POST', body: payload })).status).toBe(200);
    await ended;
    await expect(fetch(url)).rejects.toThrow();
  });
});
