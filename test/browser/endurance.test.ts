import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import type { BrowserContext, CDPSession, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createEdgeServer } from '../../src/edge/server.js';
import { SIZE, tinyBundle } from '../tiny-bundle.js';
import { launchChromium } from './chromium.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-endurance-'));
/** One exit and three: their programs and weights differ. */
const BUNDLES = { one: 1, three: [0, 0.9, 1] };
const urls: string[] = [];
const servers: FastifyInstance[] = [];
let browser: BrowserContext;

beforeAll(async () => {
  for (const [name, tau] of Object.entries(BUNDLES)) {
    const server = await createEdgeServer(await tinyBundle(join(folder, name), { tau }));
    server.get('/plain.html', (_request, reply) =>
      reply.removeHeader('content-security-policy').type('text/html').send('<p>a page without a policy</p>'),
    );
    servers.push(server);
    urls.push(await server.listen({ host: '127.0.0.1', port: 0 }));
  }
  browser = await launchChromium();
});
afterAll(async () => {
  await browser?.close();
  await Promise.all(servers.map((server) => server.close()));
  rmSync(folder, { recursive: true, force: true });
});

/** Before the loader, in the page and in the Worker: keeps what WebAssembly makes where the test can look at it. */
const WATCH = `if (!globalThis.memories) {
    globalThis.memories = [];
    const make = WebAssembly.instantiate;
    WebAssembly.instantiate = async (...given) => {
      const made = await make(...given);
      memories.push(made.exports.memory);
      return made;
    };
  }\n`;

/** Used bytes of the JavaScript heap of each Worker of a page, asked through the page's session. */
async function workerHeaps(session: CDPSession): Promise<number[]> {
  const sessions: string[] = [];
  const attached = ({ sessionId }: { sessionId: string }) => sessions.push(sessionId);
  session.on('Target.attachedToTarget', attached);
  await session.send('Target.setAutoAttach', { autoAttach: true, waitForDebuggerOnStart: false });
  session.off('Target.attachedToTarget', attached);
  const heaps = [];
  for (const sessionId of sessions) {
    const ask = (id: number, method: string) =>
      new Promise<{ usedSize: number }>((resolve) => {
        const answered = ({ message }: { message: string }) => {
          const reply = JSON.parse(message);
          if (reply.id !== id) return;
          session.off('Target.receivedMessageFromTarget', answered);
          resolve(reply.result);
        };
        session.on('Target.receivedMessageFromTarget', answered);
        session.send('Target.sendMessageToTarget', { sessionId, message: JSON.stringify({ id, method }) });
      });
    await ask(1, 'HeapProfiler.collectGarbage');
    heaps.push((await ask(2, 'Runtime.getHeapUsage')).usedSize);
  }
  await session.send('Target.setAutoAttach', { autoAttach: false, waitForDebuggerOnStart: false });
  return heaps;
}

/** What the page and its Workers hold once all that can go is gone. */
async function held(page: Page, session: CDPSession) {
  const wasm = 'memories.map(({ buffer }) => buffer.byteLength)';
  const workers = page.workers();
  const bytes = await Promise.all([page.evaluate(wasm), ...workers.map((worker) => worker.evaluate(wasm))]);
  await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = await session.send('Runtime.getHeapUsage');
  const { nodes, jsEventListeners } = await session.send('Memory.getDOMCounters');
  return {
    bytes,
    heap: usedSize,
    heaps: await workerHeaps(session),
    handles: { workers: workers.length, nodes, jsEventListeners },
  };
}

it.each([
  true,
  false,
])('10,000 classifications in a row leave memory and handles as they were (Worker: %s)', async (worker) => {
  const page = await browser.newPage();
  await page.route(/\/lcdnn(-worker|-branch)?\.js/, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: WATCH + (await response.text()) });
  });
  await page.goto(`${urls[0]}/plain.html`);
  const session = await browser.newCDPSession(page);
  await page.evaluate(`import('/lcdnn.js').then(async ({ load }) => {
    globalThis.model = await load(undefined, { worker: ${worker}, edge: false });
    const canvas = new OffscreenCanvas(${SIZE}, ${SIZE});
    canvas.getContext('2d').fillRect(2, 2, 9, 9);
    const { signal } = new AbortController();
    const values = new Float32Array(${SIZE * SIZE});
    globalThis.classify = async (count) => {
      for (let i = 0; i < count; i++) {
        values.fill(i / count);
        // Pictures are in the minority only because a canvas takes its time.
        await model.classify(i % 20 ? values : canvas, { signal });
      }
    };
  })`);
  await page.evaluate('classify(1000)');
  const before = await held(page, session);
  await page.evaluate('classify(10_000)');
  const after = await held(page, session);
  expect(before.handles.workers).toBe(worker ? 1 : 0);
  expect(before.bytes.flat()).toEqual([expect.any(Number)]);
  expect(after.bytes).toEqual(before.bytes);
  expect(after.handles).toEqual(before.handles);
  // 100 bytes kept of each classification would be a megabyte.
  expect(after.heap).toBeLessThan(before.heap + 500_000);
  expect(after.heaps).toHaveLength(worker ? 1 : 0);
  for (const [i, heap] of after.heaps.entries()) expect(heap).toBeLessThan(before.heaps[i] + 500_000);
  await page.close();
});

it.each([true, false])('two models on one page answer as each does alone (Worker: %s)', async (worker) => {
  const page = await browser.newPage();
  await page.route('**/three/*', async (route) => {
    const url = route.request().url().replace(`${urls[0]}/three`, urls[1]);
    await route.fulfill({ response: await route.fetch({ url }) });
  });
  await page.goto(`${urls[0]}/plain.html`);
  const [alone, together] = await page.evaluate<[number[][][], number[][][]]>(`(async () => {
    const loaders = [await import('/lcdnn.js'), await import('/three/lcdnn.js')];
    const options = { worker: ${worker}, edge: false };
    const images = Array.from({ length: 20 }, (_, n) =>
      Float32Array.from({ length: ${SIZE * SIZE} }, (_, i) => Math.sin(i * (n + 1)) + n / 10));
    const answer = async (model, image) => {
      const { exit, entropy, probabilities } = await model.classify(image);
      return [exit, entropy, ...probabilities];
    };
    const alone = [];
    for (const { load } of loaders) {
      const model = await load(undefined, options);
      const answers = [];
      for (const image of images) answers.push(await answer(model, image));
      alone.push(answers);
      model.dispose();
    }
    const models = await Promise.all(loaders.map(({ load }) => load(undefined, options)));
    const together = await Promise.all(models.map((model) => Promise.all(images.map((image) => answer(model, image)))));
    // And the one stays when the other goes.
    models[0].dispose();
    await answer(models[1], images[0]);
    return [alone, together];
  })()`);
  expect(together).toEqual(alone);
  expect(alone[0]).not.toEqual(alone[1]);
  expect(new Set(alone[1].map(([exit]) => exit)).size).toBeGreaterThan(1);
  await expect
    .poll(() => page.workers().map((own) => own.url()))
    .toEqual(worker ? [`${urls[0]}/three/lcdnn-worker.js`] : []);
  await page.close();
});
