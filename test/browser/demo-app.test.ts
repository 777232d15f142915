import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AxeResults } from 'axe-core';
import type { BrowserContext, Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ServeProcess, startServe } from '../serve-process.js';
import { SIZE, tinyBundle } from '../tiny-bundle.js';
import { launchChromium } from './chromium.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-demo-app-'));
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
let server: ServeProcess;
let browser: BrowserContext;
let page: Page;
let png: Buffer;
let complaints: string[];

beforeAll(async () => {
  png = await sharp({ create: { width: SIZE, height: SIZE, channels: 3, background: '#888' } })
    .png()
    .toBuffer();
  const samples = ['one', 'two'].map((label) => ({ png, label }));
  // At τ = 0 the branch is sure of nothing: every image goes to the edge, where it may.
  await tinyBundle(folder, { tau: 0, samples });
  server = await startServe(folder);
  browser = await launchChromium({ args: ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'] });
});
afterAll(async () => {
  await browser?.close();
  await server?.kill();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  complaints = [];
  page = await browser.newPage();
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) => console.error(event.violatedDirective));
  });
  await page.goto(`http://127.0.0.1:${server.port}/demo/`);
  await page.locator('#samples button').nth(1).waitFor();
});
afterEach(async () => {
  expect(complaints).toEqual([]);
  await page.close();
});

const text = (id: string) => page.locator(`#${id}`).textContent();
const expectAnswer = (by = 'Answered by the edge') => page.locator('#by').filter({ hasText: by }).waitFor();

/** Hands the page a file as the clipboard or a mouse would. */
const hand = (type: 'paste' | 'drop') =>
  page.evaluate(
    ([type, base64]) => {
      const data = new DataTransfer();
      const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
      data.items.add(new File([bytes], 'grey.png', { type: 'image/png' }));
      const event =
        type === 'paste'
          ? new ClipboardEvent('paste', { clipboardData: data, bubbles: true })
          : new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true });
      document.querySelector('#stage')!.dispatchEvent(event);
    },
    [type, png.toString('base64')],
  );

describe('the demo page', () => {
  it.each<[string, () => Promise<void>]>([
    ['a file', () => page.locator('#file').setInputFiles({ name: 'grey.png', mimeType: 'image/png', buffer: png })],
    ['the clipboard', () => hand('paste')],
    ['a mouse', () => hand('drop')],
  ])('answers for an image from %s, and shows it', async (_, give) => {
    await give();
    await expectAnswer();
    expect(await page.locator('#picture').getAttribute('alt')).toBe('grey.png');
    await expect
      .poll(() => page.locator('#picture').evaluate((image: HTMLImageElement) => image.naturalWidth))
      .toBe(SIZE);
  });

  it('says what is wrong with a file that is no image', async () => {
    await page.locator('#file').setInputFiles({ name: 'a.txt', mimeType: 'text/plain', buffer: Buffer.from('text') });
    await page.locator('#status').filter({ hasText: 'image: expected' }).waitFor();
    await page.locator('#samples button').first().click();
    await expectAnswer();
    expect(await text('status')).toBe('');
  });

  it('names the classes, shows what the edge received, and doubts an improbable answer', async () => {
    expect(await text('classes')).toBe('It knows one, two, three.');
    const pixels = Buffer.from(Array.from({ length: SIZE * SIZE }, (_, i) => i % 256));
    const raw = { width: SIZE, height: SIZE, channels: 1 } as const;
    const buffer = await sharp(pixels, { raw }).png().toBuffer();
    await page.locator('#file').setInputFiles({ name: 'gradient.png', mimeType: 'image/png', buffer });
    await page
      .locator('#maps-text')
      .filter({ hasText: /The edge received \d+ maps of \d+x\d+ numbers/ })
      .waitFor();
    const levels = await page
      .locator('#maps')
      .evaluate((canvas: HTMLCanvasElement) =>
        Array.from(canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height).data),
      );
    expect(new Set(levels).size).toBeGreaterThan(10);
    const [best] = await page.locator('#bars .bar span:last-child').allTextContents();
    expect(await page.locator('#doubt').isVisible()).toBe(Number.parseFloat(best) < 50);
    await page.getByLabel('never').check();
    await page.locator('#samples button').first().click();
    await expectAnswer('Branch, unsure');
    expect(await page.locator('#sent-maps').isVisible()).toBe(false);
  });

  it('answers for a drawing, and clears it', async () => {
    await page.locator('#draw').click();
    const { x, y, width } = (await page.locator('#canvas').boundingBox())!;
    await page.mouse.move(x + width / 4, y + width / 4);
    await page.mouse.down();
    await page.mouse.move(x + width / 2, y + width / 2, { steps: 4 });
    await page.mouse.up();
    await expectAnswer();
    const white = () =>
      page.locator('#canvas').evaluate((canvas: HTMLCanvasElement) =>
        canvas
          .getContext('2d')!
          .getImageData(0, 0, 280, 280)
          .data.some((level, i) => i % 4 === 0 && level > 0),
      );
    expect(await white()).toBe(true);
    await page.locator('#clear').click();
    expect(await white()).toBe(false);
  });

  it('runs the camera until it is stopped, by the policy that is chosen', async () => {
    await page.locator('#camera').click();
    await expectAnswer();
    await page.getByLabel('never').check();
    await expectAnswer('Branch, unsure: sending to the edge is turned off');
    expect(Number.parseInt((await text('rate')) ?? '', 10)).toBeGreaterThan(0);
    const isLive = () =>
      page.evaluate(() => (document.querySelector('video')!.srcObject as MediaStream | null)?.active ?? false);
    expect(await isLive()).toBe(true);
    await page.keyboard.press('Escape');
    await expect.poll(isLive).toBe(false);
    await page.locator('#hint').waitFor();
    expect(await page.locator('#camera').getAttribute('aria-pressed')).toBe('false');
  });

  it('adds up who answered', async () => {
    for (const [policy, by] of [
      ['always', 'Answered by the edge'],
      ['never', 'Branch, unsure'],
    ]) {
      await page.getByLabel(policy).check();
      await page.locator('#samples button').first().click();
      await expectAnswer(by);
    }
    expect(await Promise.all(['of-branch', 'of-edge', 'of-unsure', 'ratio'].map(text))).toEqual([
      '0',
      '1',
      '1',
      '0.0\u00a0%',
    ]);
    expect(await page.locator('#share').getAttribute('aria-label')).toBe(
      '2 images: 0 answered by the branch, 1 by the edge, 1 unsure',
    );
  });

  it('is used by the keyboard alone, and tells a screen reader', async () => {
    const focused = () => page.evaluate(() => document.activeElement?.id || document.activeElement?.parentElement?.id);
    const seen: (string | undefined)[] = [];
    while (seen.at(-1) !== 'samples' && seen.length < 10) {
      await page.keyboard.press('Tab');
      seen.push(await focused());
    }
    expect(seen).toEqual(['camera', 'open', 'draw', 'samples']);
    await page.keyboard.press('Enter');
    await expectAnswer();
    await page
      .locator('#spoken')
      .filter({ hasText: /^(one|two|three), answered by the edge$/ })
      .waitFor();
    expect(await page.locator('#samples button').first().getAttribute('aria-pressed')).toBe('true');
    const outline = await page.locator(':focus-visible').evaluate((element) => getComputedStyle(element).outlineWidth);
    expect(outline).toBe('3px');
  });

  it.each([
    ['phone', 360, 'light'],
    ['phone', 360, 'dark'],
    ['desktop', 1280, 'light'],
    ['desktop', 1280, 'dark'],
  ] as const)('has nothing that axe complains of, and nothing that sticks out: %s, %d, %s', async (_, width, scheme) => {
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width, height: 800 });
    const complaintsOfAxe = async () => {
      const { violations, passes } = await page.evaluate<AxeResults>(`${axe}; axe.run()`);
      expect(passes.map(({ id }) => id)).toEqual(expect.arrayContaining(['color-contrast', 'button-name', 'region']));
      return violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]);
    };
    expect(await complaintsOfAxe()).toEqual([]);
    await page.locator('#samples button').first().click();
    await expectAnswer();
    await page.locator('#draw').click();
    expect(await complaintsOfAxe()).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
  });
});
