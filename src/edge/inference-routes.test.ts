import { once } from 'node:events';
import { connect } from 'node:net';
import { type FastifyInstance, fastify } from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import { inferRequest } from '../../test/infer-request.js';
import type { Values } from '../bundle/datatypes.js';
import { answerErrors } from './errors.js';
import { inferenceRoutes } from './inference-routes.js';
import { createMetrics } from './metrics.js';
import { createBatcher } from './models/batcher.js';
import type { Model } from './models/model.js';
import type { Models } from './models/models.js';
import type { TailFault } from './models/supervised-tail.js';
import { createBodyReader } from './read-body.js';
import { createRequestParser } from './request-parser.js';
import { createUsageCounts } from './usage-counts.js';

const MANIFEST = { tail: { file: 'x', shape: [2], input: 'shared', output: 'logits' } };
let app: FastifyInstance | undefined;
afterEach(() => app?.close());

/** A server of a model that computes when it is told to: `finish` gives the batches their logits, zeros. */
async function serve({ fault, budget = 1e6 }: { fault?: TailFault; budget?: number } = {}) {
  const batches: { values: number[]; finish(): void }[] = [];
  const tail = {
    infer: (parts: readonly Values[], images: number) =>
      new Promise<Float32Array>((resolve) => {
        batches.push({
          values: parts.flatMap((values) => Array.from(values)),
          finish: () => resolve(new Float32Array(images)),
        });
      }),
  };
  const { idle, ...batcher } = createBatcher(tail, { maxBatch: 2, maxWaitMs: 0, maxQueue: 2 });
  const model: Model = {
    ...batcher,
    name: 'slow',
    version: 'v1',
    tau: 0.5,
    input: { name: 'shared', shape: [2] },
    output: { name: 'logits', shape: [1] },
    maxBatch: 2,
    web: new Map(),
    fault: () => fault,
    entries: [],
    close: idle,
  };
  const models: Models = {
    names: ['slow'],
    entries: () => ['slow'],
    get: (name, version = 'v1') => (name === 'slow' && version === 'v1' ? model : undefined),
    versions: () => ['v1'],
    using: (_, work) => work(),
    reload: async () => {},
    close: idle,
  };
  const metrics = createMetrics(() => models);
  app = fastify({ forceCloseConnections: true });
  answerErrors(app, () => {});
  app.register(inferenceRoutes, {
    models,
    metrics,
    usage: createUsageCounts(),
    loadShedding: { header: () => undefined },
    readBody: createBodyReader(budget),
    parser: createRequestParser(),
    guard: [],
    isReady: () => true,
  });
  const url = await app.listen({ port: 0 });
  const ask = (values: number[], parameters?: object) =>
    fetch(`${url}/v2/models/slow/infer`, inferRequest(MANIFEST, Float32Array.from(values), parameters));
  const codes = async () =>
    Array.from((await metrics.text()).matchAll(/lcdnn_requests_total\{model="(\w+)",code="(\d+)"\} (\d+)/g), (found) =>
      found.slice(1).join(' '),
    );
  return { url, ask, batches, model, metrics, codes };
}

describe('inference', () => {
  it('is refused at once where the queue is full, and goes on when there is room', async () => {
    const { ask, batches, model, codes } = await serve();
    const first = ask([0, 0]);
    await expect.poll(() => batches.length).toBe(1);
    // A full batch lies ready in the thread, then two images wait.
    const second = ask([1, 1, 1, 1]);
    await expect.poll(() => batches.length).toBe(2);
    const third = ask([2, 2, 2, 2]);
    await expect.poll(() => model.waiting()).toBe(2);
    const refused = await ask([3, 3]);
    expect([refused.status, refused.headers.get('retry-after'), await refused.json()]).toEqual([
      503,
      '1',
      { error: 'the edge is busy; try again in 1 s' },
    ]);
    for (const at of [0, 1, 2]) {
      await expect.poll(() => batches.length).toBeGreaterThan(at);
      batches[at].finish();
    }
    expect((await Promise.all([first, second, third])).map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(batches).toHaveLength(3);
    await expect.poll(codes).toEqual(['slow 503 1', 'slow 200 3']);
  });

  it('ends with 504 at the time that the client set, and is not computed', async () => {
    const { ask, batches } = await serve();
    const first = ask([0, 0]);
    await expect.poll(() => batches.length).toBe(1);
    const late = await ask([1, 1], { timeout: 20_000 });
    expect([late.status, (await late.json()).error]).toEqual([504, 'timeout: no answer within 20 ms']);
    batches[0].finish();
    expect((await first).status).toBe(200);
    expect(batches).toHaveLength(1);
  });

  it('is not computed for a client that is gone', async () => {
    const { url, ask, batches, model, codes } = await serve();
    const first = ask([0, 0]);
    await expect.poll(() => batches.length).toBe(1);
    const { headers, body } = inferRequest(MANIFEST, Float32Array.of(1, 1));
    const socket = connect(Number(new URL(url).port));
    await once(socket, 'connect');
    const head = Object.entries({ host: 'x', ...headers, 'content-length': body.length });
    socket.write(`POST /v2/models/slow/infer HTTP/1.1\r\n${head.map((pair) => `${pair.join(': ')}\r\n`).join('')}\r\n`);
    socket.write(body);
    await expect.poll(() => model.waiting()).toBe(1);
    socket.destroy();
    await expect.poll(() => model.waiting()).toBe(0);
    batches[0].finish();
    expect((await first).status).toBe(200);
    expect(batches).toHaveLength(1);
    await expect.poll(codes).toEqual(['slow 499 1', 'slow 200 1']);
  });

  it('takes no more of a body than it may have, nor of all bodies together', async () => {
    const { url, ask } = await serve({ budget: 100 });
    const send = (body: string) => fetch(`${url}/v2/models/slow/infer`, { method: 'POST', body });
    expect((await send('x'.repeat(9000))).status).toBe(413);
    const busy = await ask([1, 1]);
    expect([busy.status, (await busy.json()).error]).toEqual([
      503,
      expect.stringContaining('too much data at the same time'),
    ]);
  });

  it('of another version than the client has is refused', async () => {
    const { url, ask, batches } = await serve();
    const refused = await ask([1, 1], { version: 'v0' });
    expect([refused.status, (await refused.json()).error]).toEqual([
      409,
      'version: expected v1, found v0; load the bundle again',
    ]);
    const right = ask([1, 1], { version: 'v1', exits: 7 });
    await expect.poll(() => batches.length).toBe(1);
    batches[0].finish();
    expect((await right).status).toBe(200);
    expect((await fetch(`${url}/v2/models/slow/versions/v1`)).status).toBe(200);
    for (const path of ['', '/ready', '/infer']) {
      const reply = await fetch(`${url}/v2/models/slow/versions/v0${path}`, {
        method: path === '/infer' ? 'POST' : 'GET',
      });
      expect([reply.status, (await reply.json()).error]).toEqual([404, 'no version v0 of slow here; there is v1']);
    }
  });

  it('counts the images that clients answered alone', async () => {
    const { ask, batches, metrics } = await serve();
    const right = ask([1, 1], { exits: 7 });
    await expect.poll(() => batches.length).toBe(1);
    batches[0].finish();
    await right;
    expect((await ask([1, 1], { exits: 1e9 })).status).toBe(400);
    expect((await ask([1, 1], { exits: -1 })).status).toBe(400);
    expect(await metrics.text()).toContain('lcdnn_client_exits_total{model="slow"} 7\n');
  });

  it('is not offered where the tail has failed', async () => {
    const { url, ask } = await serve({ fault: { error: new Error('out of memory'), forGood: true } });
    expect((await ask([1, 1])).status).toBe(503);
    for (const path of [
      '/v2/health/live',
      '/v2/health/ready',
      '/v2/models/slow/ready',
      '/v2/models/slow/versions/v1/ready',
    ])
      expect([path, (await fetch(url + path)).status]).toEqual([path, 503]);
  });
});
