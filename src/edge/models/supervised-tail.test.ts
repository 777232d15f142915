import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { inferRequest } from '../../../test/infer-request.js';
import { tinyBundle } from '../../../test/tiny-bundle.js';
import type { Bundle } from '../../bundle/read-bundle.js';
import { createEdgeServer, type EdgeServer } from '../server.js';

const started = vi.hoisted(() => [] as Worker[]);
vi.mock('../../base/threads.js', async (original) => {
  const real = await original<typeof import('../../base/threads.js')>();
  const startThread: typeof real.startThread = (...by) => {
    const thread = real.startThread(...by);
    started.push(thread);
    return thread;
  };
  return { ...real, startThread };
});

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-tail-'));
let bundle: Bundle;
let app: EdgeServer;

beforeAll(async () => {
  bundle = await tinyBundle(join(folder, 'bundle'));
  app = await createEdgeServer(bundle, { log: 'silent' });
});
afterAll(async () => {
  await app?.close();
  rmSync(folder, { recursive: true });
});

const statusOf = async (url: string) => (await app.inject(url)).statusCode;
const ask = () => {
  const count = bundle.manifest.tail.shape.reduce((all, size) => all * size, 1);
  const { body, ...request } = inferRequest(bundle.manifest, new Float32Array(count).fill(0.5));
  return app.inject({ ...request, url: '/v2/models/tiny/infer', payload: body });
};

it('answers again, and the same, a moment after its thread was killed', async () => {
  const before = await ask();
  expect(before.statusCode).toBe(200);
  const running = ask();
  await started[0].terminate();
  // What was asked of the thread that died is answered, or may be asked again.
  expect([200, 503]).toContain((await running).statusCode);

  const refused = await ask();
  expect([refused.statusCode, refused.headers['retry-after'], refused.json()]).toEqual([
    503,
    '1',
    { error: 'this model has failed here; try again, or try another server' },
  ]);
  expect(await statusOf('/v2/health/ready')).toBe(503);
  expect(await statusOf('/v2/health/live')).toBe(200);

  await expect.poll(() => statusOf('/v2/health/ready'), { timeout: 20_000 }).toBe(200);
  const after = await ask();
  expect([after.statusCode, after.rawPayload]).toEqual([200, before.rawPayload]);
  const { body } = await app.inject('/metrics');
  expect(body).toContain('lcdnn_tail_events_total{model="tiny",event="died"} 1\n');
  expect(body).toContain('lcdnn_tail_events_total{model="tiny",event="restarted"} 1\n');
}, 60_000);

it('gives up a thread that dies again and again', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    for (const pauseMs of [5000, 25_000]) {
      const threads = started.length;
      await started.at(-1)!.terminate();
      await vi.advanceTimersByTimeAsync(pauseMs);
      await vi.waitFor(() => expect(started).toHaveLength(threads + 1));
      await vi.waitFor(async () => expect(await statusOf('/v2/health/ready')).toBe(200), { timeout: 20_000 });
    }
    await started.at(-1)!.terminate();
    await vi.waitFor(async () => expect(await statusOf('/v2/health/live')).toBe(503));
    expect((await ask()).statusCode).toBe(503);
    expect((await app.inject('/metrics')).body).toContain('lcdnn_tail_events_total{model="tiny",event="given up"} 1\n');
  } finally {
    vi.useRealTimers();
  }
}, 60_000);
