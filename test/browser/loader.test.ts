import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import type { BrowserContext, Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEdgeServer } from '../../src/edge/server.js';
import { SIZE, tinyBundle } from '../tiny-bundle.js';
import { launchChromium } from './chromium.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-loader-'));
let server: FastifyInstance;
let browser: BrowserContext;
let url: string;

beforeAll(async () => {
  const png = await sharp({ create: { width: SIZE, height: SIZE, channels: 3, background: '#888' } })
    .png()
    .toBuffer();
  // At τ = 0 the branch is sure of nothing: every image goes to the edge.
  server = await createEdgeServer(
    await tinyBundle(join(folder, 'bundle'), { tau: 0, samples: [{ png, label: 'one' }] }),
  );
  url = await server.listen({ host: '127.0.0.1', port: 0 });
  browser = await launchChromium();
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Classifies one image in the page or in a module Worker, where `load` and `ImageData` are; as text, for both to read. */
const CLASSIFY = `(async (load, options) => {
  const image = new ImageData(Uint8ClampedArray.from({ length: ${4 * SIZE * SIZE} }, (_, i) => (i * 37) % 256), ${SIZE});
  const model = await load(undefined, options);
  const { index, by, unsure, entropy, probabilities } = await model.classify(image);
  return { index, by, unsure, entropy, probabilities: Array.from(probabilities) };
})`;

const inPage = (page: Page, options: object) =>
  page.evaluate(`import('/lcdnn.js').then(({ load }) => ${CLASSIFY}(load, ${JSON.stringify(options)}))`);

async function inWorker(page: Page, options: object): Promise<unknown> {
  await page.route('**/worker.js', (route) =>
    route.fulfill({
      contentType: 'text/javascript',
      body: `import { load } from '/lcdnn.js';
        ${CLASSIFY}(load, ${JSON.stringify(options)}).then(postMessage, (error) => postMessage(String(error)));`,
    }),
  );
  return page.evaluate(`new Promise((resolve, reject) => {
    const worker = new Worker('/worker.js', { type: 'module' });
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
  })`);
}

describe('the loader in Chromium', () => {
  it.each([
    {},
    { simd: false },
    { tau: 1 },
    { edge: false },
  ])('answers alike in a page and in a Worker: %j', async (options) => {
    const page = await browser.newPage();
    await page.goto(`${url}/demo/`);
    const answer = await inPage(page, options);
    expect(answer).toMatchObject({
      by: 'tau' in options || 'edge' in options ? 'branch' : 'edge',
      unsure: 'edge' in options,
    });
    expect(await inWorker(page, options)).toEqual(answer);
    await page.close();
  });

  it.each([
    'lcdnn-simd.wasm',
    'weights.safetensors',
  ])('names %s where a Worker is sent a file that was tampered with', async (file) => {
    const page = await browser.newPage();
    await page.goto(`${url}/demo/`);
    await page.route(`**/${file}`, async (route) => {
      const response = await route.fetch();
      const body = await response.body();
      body[body.length >> 1] ^= 1;
      await route.fulfill({ response, body });
    });
    expect(await inWorker(page, {})).toMatch(file);
    await page.close();
  });
});

describe('the demo page without its edge', () => {
  it("shows the branch's answer, marked as unsure", async () => {
    const page = await browser.newPage();
    await page.route('**/v2/**', (route) => route.abort());
    await page.goto(`${url}/demo/`);
    await page.locator('#samples button').first().click();
    await page.locator('#result').waitFor({ state: 'visible' });
    expect(await page.locator('#by').textContent()).toMatch(/unsure/);
    await page.close();
  });
});
