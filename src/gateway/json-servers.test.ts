import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type FakeUpstream, fakeUpstream } from '../../test/fake-upstream.js';
import { inferRequest } from '../../test/infer-request.js';
import { tinyBundle, tinyImages } from '../../test/tiny-bundle.js';
import { predict } from '../api/predict.js';
import { importLoader } from '../bundle/import-loader.js';
import type { Bundle } from '../bundle/read-bundle.js';
import { numbersOf } from '../edge/json-tensors.js';
import { listen } from '../edge/listen.js';
import { openTail, type Tail } from '../edge/tail.js';
import { RULES } from '../scheduling/policies/index.js';
import { createGateway } from './gateway.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-json-'));
const at = join(folder, 'bundle');
let bundle: Bundle;
let tail: Tail;
let ends: (() => unknown)[] = [];

beforeAll(async () => {
  bundle = await tinyBundle(at);
  tail = await openTail(bundle);
});
afterEach(async () => {
  for (const end of ends.reverse()) await end();
  ends = [];
});
afterAll(async () => {
  await tail?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A server of the protocol that reads and writes tensors only in JSON, as MLServer does. */
async function jsonServer(extensions: readonly string[] = []): Promise<FakeUpstream> {
  const answer: FakeUpstream['answer'] = async ({ url, headers }, response, body) => {
    if (url === '/v2') return void response.end(JSON.stringify({ name: 'json', version: '1', extensions }));
    try {
      if (headers['content-encoding']) throw new Error('compressed');
      const { inputs } = JSON.parse(String(body));
      const logits = await tail.infer(Float32Array.from(inputs[0].data), inputs[0].shape[0]);
      const output = { name: 'logits', shape: [inputs[0].shape[0], 3], datatype: 'FP32', data: Array.from(logits) };
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ model_name: 'tiny', model_version: '1', outputs: [output] }));
    } catch (thrown) {
      response.writeHead(422).end(JSON.stringify({ error: String(thrown) }));
    }
  };
  const server = await fakeUpstream({ answer });
  ends.push(() => server.kill());
  return server;
}

async function gatewayOf(server: FakeUpstream): Promise<string> {
  const gateway = await createGateway({
    servers: [{ origin: server.origin, capacity: 4 }],
    policy: RULES['least-loaded']({ eta: 0.05 }),
    log: 'silent',
  });
  ends.push(() => gateway.close());
  return listen(gateway, { host: '127.0.0.1', port: 0 });
}

it('pages get answers through the gateway from a server that only reads JSON', async () => {
  const server = await jsonServer();
  const loader = await importLoader(at, bundle.manifest);
  const load = (edge: Parameters<typeof loader.load>[1] & object) =>
    loader.load(pathToFileURL(`${at}/`), { tau: 0, timeoutMs: 20_000, ...edge });
  const remote = await load({ edge: await gatewayOf(server) });
  const local = await load({ edge: (tensor) => tail.infer(tensor, 1) });
  for (const image of tinyImages(3)) {
    const { by, probabilities, edgeError } = await remote.classify(image);
    expect([by, edgeError]).toEqual(['edge', undefined]);
    const expected = (await local.classify(image)).probabilities;
    probabilities.forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i], 5);
    });
  }
  // Once the server is known, each request is sent once.
  expect(server.asked.filter(({ url }) => url === '/v2').length).toBe(1);
  expect(server.asked.filter(({ url }) => url !== '/v2').length).toBe(4);
});

it('invalid requests are not translated, and are sent once to servers with binary tensors', async () => {
  for (const extensions of [[], ['binary_tensor_data']]) {
    const server = await jsonServer(extensions);
    const url = await gatewayOf(server);
    const length = bundle.manifest.tail.shape.reduce((all, size) => all * size, 1);
    const { method, headers, body } = inferRequest(bundle.manifest, new Float32Array(length));
    const send = (body: Buffer) =>
      fetch(`${url}/v2/models/tiny/infer`, { method, headers, body: Uint8Array.from(body) }).then(
        ({ status }) => status,
      );
    expect(await send(body.subarray(0, 300))).toBe(422);
    expect(await send(Buffer.alloc(600_000))).toBe(422); // too long to be translated
    expect(await send(body)).toBe(extensions.length > 0 ? 422 : 200);
    expect(server.asked.filter(({ url }) => url !== '/v2').length).toBe(extensions.length > 0 ? 3 : 4);
  }
});

it('predict sends JSON to such a server', async () => {
  const server = await jsonServer();
  const files: string[] = [];
  for (const [i, image] of tinyImages(3).entries()) {
    const file = join(folder, `${i}.png`);
    const pixels = Uint8Array.from(image, (value) => 255 * (0.5 + 0.25 * value));
    await sharp(pixels, { raw: { width: 16, height: 16, channels: 1 } })
      .png()
      .toFile(file);
    files.push(file);
  }
  const [there, here] = [await predict(at, files, { edge: server.origin }), await predict(at, files)];
  expect(there.predictions.map(({ by, label, edgeError }) => [by, label, edgeError])).toEqual(
    here.predictions.map(({ by, label }) => [by, label, undefined]),
  );
  expect(there.predictions.some(({ by }) => by === 'edge')).toBe(true);
});

it('numbers are those of the tensor', () => {
  expect(numbersOf(Uint16Array.of(0x3c00, 0xc000), 'FP16')).toEqual([1, -2]);
  expect(numbersOf(Uint8Array.of(0, 255), 'UINT8')).toEqual([0, 255]);
});

it('a server with damaged metadata is no fault of the gateway, nor is one that dies within its answer', async () => {
  const length = bundle.manifest.tail.shape.reduce((all, size) => all * size, 1);
  const { method, headers, body } = inferRequest(bundle.manifest, new Float32Array(length));
  const post = async (answer: FakeUpstream['answer']) => {
    const server = await fakeUpstream({ answer });
    ends.push(() => server.kill());
    const url = await gatewayOf(server);
    return fetch(`${url}/v2/models/tiny/infer`, { method, headers, body: Uint8Array.from(body) });
  };
  const refusing = await post(({ url }, response) =>
    url === '/v2' ? void response.end('{"extensions"') : void response.writeHead(422).end('binary?'),
  );
  expect([refusing.status, await refusing.text()]).toEqual([422, 'binary?']);
  const dying = await post(({ url, headers }, response) => {
    if (url === '/v2') return void response.end('{}');
    if (headers['content-type'] !== 'application/json') return void response.writeHead(422).end();
    response.writeHead(200, { 'content-length': 1000 });
    response.write('{"outputs":', () => response.destroy());
  });
  expect(dying.status).toBe(503);
});
