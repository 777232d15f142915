import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrowserContext, Page, Route } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createEdgeServer, type EdgeServer } from '../../src/edge/server.js';
import { fullNetworkLogits } from '../full-network.js';
import { largest, SIZE, tinyBundle } from '../tiny-bundle.js';
import { launchChromium } from './chromium.js';

// Pages that send whole images to the edge: before the branch is there, and in a race with it.

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-first-page-'));
const LEVELS = Array.from({ length: SIZE * SIZE }, (_, i) => (i * 91) % 256);
let server: EdgeServer;
let browser: BrowserContext;
let url: string;

beforeAll(async () => {
  server = await createEdgeServer(await tinyBundle(folder, { tau: 1 }));
  server.get('/page.html', (_request, reply) => reply.type('text/html').send('<!doctype html><p>a page</p>'));
  url = await server.listen({ host: '127.0.0.1', port: 0 });
  browser = await launchChromium();
});
afterAll(async () => {
  await browser?.close();
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A page in which weights and WebAssembly wait for `release`. */
async function heldPage(): Promise<{ page: Page; release: () => void; asked: string[] }> {
  const page = await browser.newPage();
  const asked: string[] = [];
  page.on('request', (request) => asked.push(new URL(request.url()).pathname));
  let release = () => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  await page.route(/\.(wasm|safetensors)$/, (route) => gate.then(() => route.continue()));
  await page.goto(`${url}/page.html`);
  return { page, release: () => release(), asked };
}

/** Evaluates in the page, which keeps its model. */
const run = <T>(page: Page, body: string): Promise<T> =>
  page.evaluate(`(async () => {
    const image = Uint8Array.from(${JSON.stringify(LEVELS)});
    const { load } = await import('/lcdnn.js');
    const brief = ({ by, index, unsure, edgeError }) => ({ by, index, unsure, edgeError });
    ${body}
  })()`);

it('has answers from the edge until the branch is there, and then from the branch', async () => {
  const { page, release, asked } = await heldPage();
  const early = await run(
    page,
    `globalThis.model = await load('/', { first: 'edge' });
     const canvas = new OffscreenCanvas(${4 * SIZE}, ${3 * SIZE});
     const context = canvas.getContext('2d');
     context.fillStyle = 'white';
     context.fillRect(20, 10, 9, 30);
     globalThis.picture = await createImageBitmap(canvas);
     const drawn = await model.classify(picture);
     return { ...brief(await model.classify(image)), drawn: brief(drawn), worker: model.worker };`,
  );
  const index = largest(await fullNetworkLogits(Uint8Array.from(LEVELS)));
  expect(early).toMatchObject({ by: 'edge', index, unsure: false, drawn: { by: 'edge' }, worker: false });
  expect(asked.filter((path) => path.endsWith('/infer'))).toEqual(Array(2).fill('/v2/models/tiny-image/infer'));
  release();
  const late = await run(
    page,
    `await model.ready;
     const always = brief(await model.classify(picture, { edge: 'always' }));
     return { ...brief(await model.classify(image)), always, worker: model.worker };`,
  );
  const { drawn } = early as { drawn: { index: number } };
  expect(late).toMatchObject({ by: 'branch', unsure: false, always: { by: 'edge', index: drawn.index }, worker: true });
  expect(asked.filter((path) => path.endsWith('/infer')).slice(2)).toEqual(['/v2/models/tiny/infer']);
  await page.close();
});

it('waits for the branch while the edge is down', async () => {
  const { page, release } = await heldPage();
  await page.route('**/infer', (route) => route.abort());
  setTimeout(release, 1000);
  const answer = await run(page, "return brief(await (await load('/', { first: 'edge' })).classify(image));");
  expect(answer).toMatchObject({ by: 'branch', unsure: false, edgeError: expect.stringMatching(/no answer/) });
  await page.close();
});

it.each<[string, string, (route: Route) => unknown, string]>([
  ['the branch if the edge is slow', 'branch', () => {}, ''],
  [
    'the edge if the Worker is slow',
    'edge',
    (route) => route.continue(),
    `const post = Worker.prototype.postMessage;
     Worker.prototype.postMessage = function (...given) { setTimeout(() => post.apply(this, given), 2000); };`,
  ],
])('takes the answer of %s in a race', async (_, by, onRequest, prepare) => {
  const { page, release } = await heldPage();
  release();
  await page.route('**/infer', onRequest);
  const answer = await run(
    page,
    `const model = await load('/'); ${prepare}
     return brief(await model.classify(image, { edge: 'race' }));`,
  );
  expect(answer).toMatchObject({ by, unsure: false });
  await page.close();
});
