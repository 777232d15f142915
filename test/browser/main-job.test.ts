import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';
import type { BrowserContext } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readBundle } from '../../src/bundle/read-bundle.js';
import { loadDataset } from '../../src/datasets/load-dataset.js';
import { createEdgeServer } from '../../src/edge/server.js';
import { BUILD_OPTIONS } from '../build-options.js';
import { bytesIn } from '../tiny-dataset.js';
import { launchChromium } from './chromium.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-browser-'));
const bundle = join(folder, 'bundle');
const images = join(folder, 'images');
const IMAGES = 200;
const inPage = readFileSync(new URL('classify-in-page.js', import.meta.url), 'utf8')
  .replace(/;\s*$/, '')
  .replace(/^\/\/.*\n/, '');

interface Answer {
  readonly index: number;
  readonly by: string;
  readonly unsure: boolean;
}

const lcdnn = (...args: string[]): string =>
  execFileSync(process.execPath, [fileURLToPath(new URL('../../bin/run.js', import.meta.url)), ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    maxBuffer: 1e8,
  });

let server: FastifyInstance;
let browser: BrowserContext;
let url: string;

beforeAll(async () => {
  const run = join(folder, 'run');
  lcdnn('train', '--epochs', '1', '--validation', '1000', '--out', run);
  lcdnn('tune-tau', run);
  lcdnn('export', run, '--out', bundle);
  mkdirSync(images);
  const { test } = await loadDataset('fashion-mnist-sample');
  for (let i = 0; i < IMAGES; i++) {
    const pixels = bytesIn(test).subarray(i * 784, (i + 1) * 784);
    const png = await sharp(pixels, { raw: { width: 28, height: 28, channels: 1 } })
      .png()
      .toBuffer();
    writeFileSync(join(images, `${String(i).padStart(3, '0')}.png`), png);
  }
  server = await createEdgeServer(readBundle(bundle), { maxBatch: 4 });
  url = await server.listen({ host: '127.0.0.1', port: 0 });
  browser = await launchChromium();
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('the bundle in Chromium', () => {
  it('answers 200 test images as predict does, by the same end, in every build', async () => {
    const { predictions } = JSON.parse(lcdnn('predict', '--bundle', bundle, images, '--json'));
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(`${url}/demo/`);
    const files = readdirSync(images).sort();
    const pngs = files.map((file) => readFileSync(join(images, file)).toString('base64'));
    for (const build of BUILD_OPTIONS) {
      const answers = await page.evaluate<Answer[]>(`(${inPage})(${JSON.stringify([pngs, build])})`);
      expect(answers.filter(({ by }) => by === 'edge').length).toBeGreaterThan(0);
      expect(answers).toEqual(
        predictions.map(({ index, by, unsure }: Answer) => ({
          index,
          by,
          unsure,
        })),
      );
    }
    expect(complaints).toEqual([]);
  });

  it('shows an answer for a sample on the demo page', async () => {
    const page = await browser.newPage();
    await page.setViewportSize({ width: 390, height: 844 });
    await page.goto(`${url}/demo/`);
    await page.locator('#samples button').nth(2).click();
    await page.locator('#result').waitFor({ state: 'visible' });
    expect(await page.locator('#by').textContent()).toMatch(/Answered by the (branch|edge)/);
    const shareOf = (selector: string) =>
      page.locator(selector).evaluate((part: HTMLElement) => Number.parseFloat(part.style.width) / 100);
    expect(await shareOf('#gauge-fill')).toBeCloseTo(Number(await page.locator('#entropy').textContent()), 3);
    const likeliest = await page.locator('.bar span').nth(1).textContent();
    expect(await shareOf('.bar:first-child div')).toBeCloseTo(Number.parseFloat(likeliest as string) / 100, 2);
    mkdirSync('test-results', { recursive: true });
    await page.screenshot({ path: 'test-results/demo-phone.png' });
  });

  it('refuses weights that do not match the manifest', async () => {
    const page = await browser.newPage();
    await page.route('**/weights.safetensors', async (route) => {
      const response = await route.fetch();
      const body = await response.body();
      body[body.length - 1] ^= 1;
      await route.fulfill({ response, body });
    });
    await page.goto(`${url}/demo/`);
    await page.getByText('The model could not be loaded').waitFor();
    expect(await page.locator('#status').textContent()).toContain('weights.safetensors');
  });
});
