import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ServeProcess, startServe } from '../serve-process.js';
import { tinyBundle } from '../tiny-bundle.js';
import { launchChromium } from './chromium.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-stream-'));
let server: ServeProcess;
let browser: BrowserContext;
let page: Page;

beforeAll(async () => {
  await tinyBundle(folder, { tau: 0 });
  server = await startServe(folder);
  browser = await launchChromium();
});
afterAll(async () => {
  await browser?.close();
  await server?.kill();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  page = await browser.newPage();
});
afterEach(async () => {
  await page.close();
});

interface Told {
  readonly answers: { readonly frame: number; readonly by: string; readonly unsure: boolean; readonly cached?: true }[];
  readonly count: { readonly frames: number; readonly dropped: number };
  /** How often the edge was asked. */
  readonly asked: number;
}

/**
 * Classifies a video of a canvas, all grey or ever another grey, until so many answers are of a kind, or it ends by
 * itself. `before` runs in the page, with `load`, `video` and `track`.
 */
async function classify(given: { still: boolean; until: string; options?: object; before?: string }): Promise<Told> {
  const { still, until, options = {}, before = '' } = given;
  await page.goto(`http://127.0.0.1:${server.port}/lcdnn.d.ts`); // which runs nothing
  return page.evaluate(`import('/lcdnn.js').then(async ({ load }) => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 32, height: 32 });
    const pen = canvas.getContext('2d');
    let level = 128;
    const paint = () => {
      if (${!still}) level = (level + 5) % 256;
      pen.fillStyle = 'rgb(' + [level, level, level] + ')';
      pen.fillRect(0, 0, 32, 32);
    };
    paint();
    setInterval(paint, 20);
    const srcObject = canvas.captureStream();
    const [track] = srcObject.getTracks();
    const video = Object.assign(document.createElement('video'), { muted: true, srcObject });
    await video.play();
    const model = await load();
    ${before}
    const stop = new AbortController();
    const answers = [];
    const onAnswer = ({ frame, by, unsure, cached }) => {
      answers.push({ frame, by, unsure, cached });
      if (${until}) stop.abort();
    };
    const count = await model.classifyStream(video, { ...${JSON.stringify(options)}, signal: stop.signal, onAnswer });
    const asked = performance.getEntriesByType('resource').filter(({ name }) => name.endsWith('/infer')).length;
    return { answers, count, asked };
  })`);
}

describe.each([true, false])('a stream of a video (requestVideoFrameCallback: %s)', (hasCallback) => {
  beforeEach(async () => {
    if (!hasCallback) await page.addInitScript('delete HTMLVideoElement.prototype.requestVideoFrameCallback');
  });

  it('drops the frames that a slow branch has no time for', async () => {
    const { answers, count } = await classify({
      still: false,
      until: 'answers.length === 8',
      options: { edge: 'never' },
      before: `const own = globalThis.createImageBitmap;
        globalThis.createImageBitmap = async (image) => {
          const bitmap = await own(image);
          await new Promise((resolve) => setTimeout(resolve, 200));
          return bitmap;
        };`,
    });
    const numbers = answers.map(({ frame }) => frame);
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
    expect(count.dropped).toBeGreaterThan(0);
    expect(count.frames - count.dropped).toBe(8);
    expect(count.frames).toBeGreaterThanOrEqual(numbers[7]);
  });

  it('goes on while the edge is slow, and then has its answer for all that look the same', async () => {
    await page.route('**/infer', async (route) => {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      await route.continue();
    });
    const { answers, asked } = await classify({
      still: true,
      until: 'answers.filter(({ cached }) => cached).length === 10',
      options: { keepMs: 60_000 },
    });
    expect(asked).toBe(1);
    const known = answers.findIndex(({ by }) => by === 'edge');
    expect(known).toBeGreaterThan(1);
    for (const { by, unsure } of answers.slice(0, known)) expect([by, unsure]).toEqual(['branch', true]);
    for (const { by, unsure } of answers.slice(known)) expect([by, unsure]).toEqual(['edge', false]);
  });

  it('ends where the camera does', async () => {
    const { answers, count } = await classify({
      still: false,
      until: 'answers.length === 5 && (track.stop(), false)',
    });
    expect(answers.length).toBeGreaterThanOrEqual(5);
    expect(count.frames).toBeGreaterThanOrEqual(answers.at(-1)!.frame);
  });

  it('has the frame of a video that stands still, and the edge’s answer for it', async () => {
    const { answers } = await classify({
      still: true,
      until: 'answers.at(-1).by === "edge"',
      before: 'video.pause(); await new Promise((resolve) => setTimeout(resolve, 100));',
    });
    const [before, after] = answers.slice(-2);
    expect([before.by, after.by, after.cached]).toEqual(['branch', 'edge', undefined]);
    expect(after.frame).toBe(before.frame);
  });
});
