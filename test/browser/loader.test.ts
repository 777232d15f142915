import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import type { BrowserContext, Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Bundle } from '../../src/bundle/read-bundle.js';
import { createEdgeServer } from '../../src/edge/server.js';
import { LABELS, SIZE, tinyBundle } from '../tiny-bundle.js';
import { launchChromium } from './chromium.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-loader-'));
let server: FastifyInstance;
let browser: BrowserContext;
let url: string;
let bundle: Bundle;
/** The same bundle on another origin, which lets pages of the first read it. */
let elsewhere: FastifyInstance;
let foreign: string;

beforeAll(async () => {
  const png = await sharp({ create: { width: SIZE, height: SIZE, channels: 3, background: '#888' } })
    .png()
    .toBuffer();
  // At τ = 0 the branch is sure of nothing: every image goes to the edge.
  bundle = await tinyBundle(join(folder, 'bundle'), { tau: 0, samples: [{ png, label: 'one' }] });
  server = await createEdgeServer(bundle);
  server.get('/plain.html', (_request, reply) =>
    reply.removeHeader('content-security-policy').type('text/html').send('<p>a page without a policy</p>'),
  );
  url = await server.listen({ host: '127.0.0.1', port: 0 });
  elsewhere = await createEdgeServer(bundle, { cors: [url] });
  foreign = await elsewhere.listen({ host: '127.0.0.1', port: 0 });
  browser = await launchChromium();
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
  await elsewhere?.close();
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

/** Runs in the page, where `load` is the loader's, `image` a picture and `reason` why a promise was rejected. */
const run = <T = unknown>(page: Page, body: string): Promise<T> =>
  page.evaluate(`import('/lcdnn.js').then(async ({ load }) => {
    const image = new ImageData(Uint8ClampedArray.from({ length: ${4 * SIZE * SIZE} }, (_, i) => i % 4 === 3 ? 255 : (i * 37) % 256), ${SIZE});
    const reason = (promise) => promise.then(() => 'no error', (error) => error.message);
    ${body}
  })`);

async function newPage(path = '/demo/'): Promise<Page> {
  const page = await browser.newPage();
  await page.goto(url + path);
  return page;
}

describe('the loader in Chromium', () => {
  it.each([
    {},
    { simd: false },
    { relaxedSimd: false },
    { tau: 1 },
    { edge: false },
  ])('answers alike in a page, in its Worker and in a Worker of the page: %j', async (options) => {
    const page = await newPage();
    const answer = await inPage(page, options);
    expect(answer).toMatchObject({
      by: 'tau' in options || 'edge' in options ? 'branch' : 'edge',
      unsure: 'edge' in options,
    });
    expect(await inPage(page, { ...options, worker: false })).toEqual(answer);
    expect(await inWorker(page, options)).toEqual(answer);
    await page.close();
  });

  it.each([
    'lcdnn-relaxed-simd.wasm',
    'weights.safetensors',
  ])('names %s where a Worker is sent a file that was tampered with', async (file) => {
    const page = await newPage();
    await page.route(`**/${file}`, async (route) => {
      const response = await route.fetch();
      const body = await response.body();
      body[body.length >> 1] ^= 1;
      await route.fulfill({ response, body });
    });
    expect(await inWorker(page, {})).toMatch(file);
    await page.close();
  });

  it('tells how many bytes are here, up to all', async () => {
    const page = await newPage();
    const seen = await run<{ loaded: number; total: number }[]>(
      page,
      'const seen = []; await load(undefined, { onProgress: (now) => seen.push(now) }); return seen;',
    );
    const { files } = bundle.manifest;
    const total = files['lcdnn-relaxed-simd.wasm'].bytes + files['weights.safetensors'].bytes;
    expect(seen.at(-1)).toEqual({ loaded: total, total });
    for (const [i, now] of seen.entries()) expect(now.loaded).toBeGreaterThanOrEqual(seen[i - 1]?.loaded ?? 0);
    await page.close();
  });

  it('compiles the bytes where the server calls WebAssembly something else', async () => {
    const page = await newPage();
    await page.route('**/*.wasm', async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, headers: { ...response.headers(), 'content-type': 'text/plain' } });
    });
    expect(await run(page, 'return (await (await load()).branch(image)).logits.length;')).toBe(LABELS.length);
    await page.close();
  });

  it.each([
    'manifest.json',
    'lcdnn-relaxed-simd.wasm',
    'weights.safetensors',
    'lcdnn-worker.js',
  ])('stops loading by a signal, where %s does not come, and leaves no Worker', async (file) => {
    const page = await newPage('/plain.html');
    await run(page, '');
    await page.route(`**/${file}`, () => {});
    const reasons = await run(
      page,
      `const stop = new AbortController();
        const loading = reason(load(undefined, { signal: stop.signal }));
        setTimeout(() => stop.abort(new Error('enough')), 100);
        return [await loading, await reason(load(undefined, { signal: stop.signal }))];`,
    );
    expect(reasons).toEqual(['enough', 'enough']);
    await expect.poll(() => page.workers()).toEqual([]);
    await page.close();
  });
});

describe.each([true, false])('a picture (Worker: %s)', (worker) => {
  it('is any that the page has: all say the same', async () => {
    const page = await newPage();
    const answers = await run<[string, unknown][]>(
      page,
      `const canvas = Object.assign(document.createElement('canvas'), { width: ${SIZE}, height: ${SIZE} });
      canvas.getContext('2d').putImageData(image, 0, 0);
      const offscreen = new OffscreenCanvas(${SIZE}, ${SIZE});
      offscreen.getContext('2d').putImageData(image, 0, 0);
      const blob = await offscreen.convertToBlob();
      const element = Object.assign(new Image(), { src: URL.createObjectURL(blob) });
      await element.decode();
      const { width, height, data } = image;
      const pictures = { image, canvas, offscreen, blob, element, bitmap: await createImageBitmap(image),
        frame: new VideoFrame(canvas, { timestamp: 0 }), rgba: { width, height, data: [...data] } };
      const model = await load(undefined, { worker: ${worker}, edge: false });
      const answers = [];
      for (const [name, picture] of Object.entries(pictures)) {
        // Twice: what was the page's is still the page's.
        await model.classify(picture);
        const { entropy, probabilities } = await model.classify(picture);
        answers.push([name, [entropy, ...probabilities]]);
      }
      model.dispose();
      return answers;`,
    );
    expect(answers.map(([name]) => name)).toContain('frame');
    for (const [name, answer] of answers) expect([name, answer]).toEqual([name, answers[0][1]]);
    await page.close();
  });

  it('of a video is the frame that it shows', async () => {
    const page = await newPage();
    const same = await run(
      page,
      `const canvas = Object.assign(document.createElement('canvas'), { width: 64, height: 64 });
      const pen = canvas.getContext('2d');
      pen.fillStyle = '#888';
      pen.fillRect(0, 0, 64, 64);
      const video = Object.assign(document.createElement('video'), { muted: true, srcObject: canvas.captureStream() });
      pen.fillRect(0, 0, 64, 64);
      await video.play();
      const model = await load(undefined, { worker: ${worker}, edge: false });
      const [shown, grey] = [await model.branch(video), await model.branch(canvas)];
      return Math.max(...shown.logits.map((logit, i) => Math.abs(logit - grey.logits[i])));`,
    );
    // A stream has colours as YUV: a level may round.
    expect(same).toBeLessThan(0.05);
    await page.close();
  });

  it('is taken as it was when it was given', async () => {
    const page = await newPage();
    const [own, changed] = await run<unknown[][]>(
      page,
      `const model = await load(undefined, { worker: ${worker} });
      const values = Float32Array.from({ length: ${SIZE * SIZE} }, (_, i) => Math.sin(i));
      const own = await model.branch(values);
      const again = model.branch(values);
      values.fill(0);
      return [[...own.logits], [...(await again).logits]];`,
    );
    expect(changed).toEqual(own);
    await page.close();
  });

  it.each([
    ['an image element that is not loaded', 'new Image()', 'that is loaded, found [object HTMLImageElement]'],
    ['a video without data', `document.createElement('video')`, 'that is loaded, found [object HTMLVideoElement]'],
    ['a canvas of no size', 'Object.assign(document.createElement("canvas"), { width: 0 })', 'that is loaded, found'],
    [
      'a frame that was closed',
      '(() => { const f = new VideoFrame(new Uint8Array(16), { format: "RGBA", codedWidth: 2, codedHeight: 2, timestamp: 0 }); f.close(); return f })()',
      'that is loaded, found [object VideoFrame]',
    ],
    ['a file that is no picture', 'new Blob(["text"])', 'that is loaded, found [object Blob]'],
    ['a text', '"cat"', 'that is loaded, found cat'],
    ['too few values', 'new Uint8Array(3)', 'expected 16 x 16 x 1 values, found 3'],
    ['NaN', `new Float32Array(${SIZE * SIZE}).fill(NaN)`, 'expected finite values'],
  ])('that is %s is refused in one line', async (_, picture, expected) => {
    const page = await newPage();
    const found = await run<string>(
      page,
      `const model = await load(undefined, { worker: ${worker} });
      return reason(model.classify(${picture}));`,
    );
    expect(found).toMatch(/^image: expected [^\n]*$/);
    expect(found).toContain(expected);
    await page.close();
  });

  it('that another origin keeps to itself is refused in one line', async () => {
    const page = await newPage('/plain.html');
    const found = await run<string[]>(
      page,
      `const foreign = Object.assign(new Image(), { src: '${foreign}/demo/samples/00.png' });
      await foreign.decode();
      const canvas = Object.assign(document.createElement('canvas'), { width: 9, height: 9 });
      canvas.getContext('2d').drawImage(foreign, 0, 0);
      const model = await load(undefined, { worker: ${worker}, edge: false });
      const reasons = [await reason(model.classify(foreign)), await reason(model.classify(canvas))];
      // The next one is none the worse for it.
      return [...reasons, (await model.classify(image)).by];`,
    );
    expect(found).toEqual([
      expect.stringMatching(/^image: expected a picture that this page may read, [^\n]*$/),
      expect.stringMatching(/^image: expected a picture that this page may read, [^\n]*$/),
      'branch',
    ]);
    await page.close();
  });

  it.each([
    'OffscreenCanvas',
    'WebAssembly.compileStreaming',
    'crypto.subtle',
    'VideoFrame',
  ])('is classified without %s', async (feature) => {
    const page = await browser.newPage();
    const [name, member] = feature.split('.');
    const owner = member ? `${name === 'crypto' ? 'Crypto.prototype' : name}` : 'globalThis';
    await page.addInitScript(`delete ${owner}.${member ?? name}`);
    await page.goto(`${url}/plain.html`);
    const [left, logits, other] = await run<[string, number[], number[]]>(
      page,
      `const canvas = Object.assign(document.createElement('canvas'), { width: ${SIZE}, height: ${SIZE} });
        canvas.getContext('2d').putImageData(image, 0, 0);
        const model = await load(undefined, { worker: ${worker} });
        const logitsOf = async (picture) => [...(await model.branch(picture)).logits];
        return [typeof ${member ? feature : `globalThis.${name}`}, await logitsOf(canvas), await logitsOf(image)];`,
    );
    expect([left, logits]).toEqual(['undefined', other]);
    await page.close();
  });

  it('of more pixels than all canvases have is shrunk first', async () => {
    const page = await newPage();
    const [own, large] = await run<number[][]>(
      page,
      `const of = (size) => {
        const canvas = new OffscreenCanvas(size, size);
        const pen = canvas.getContext('2d');
        pen.fillStyle = '#fff';
        pen.fillRect(0, 0, size / 2, size / 2);
        return canvas;
      };
      const model = await load(undefined, { worker: ${worker} });
      return [[...(await model.branch(of(1600))).logits], [...(await model.branch(of(4800))).logits]];`,
    );
    for (const [i, logit] of own.entries()) expect(large[i]).toBeCloseTo(logit, 1);
    await page.close();
  });
});

describe('the Worker of a model', () => {
  const FAILED = /^the Worker of the branch failed \([^\n]*broken\); load the model again$/;

  it('ends when the model is disposed of; what waits is rejected, and all that follows', async () => {
    const page = await newPage('/plain.html');
    const reasons = await run(
      page,
      `const model = await load(undefined, { edge: false });
      const waiting = reason(model.classify(image));
      model.dispose();
      return [model.worker, await waiting, await reason(model.classify(image)), await reason(model.branch(image))];`,
    );
    const disposed = 'the model was disposed of; load it again';
    expect(reasons).toEqual([true, disposed, disposed, disposed]);
    await expect.poll(() => page.workers()).toEqual([]);
    await page.close();
  });

  it.each([true, false])('is sent what the page resized, once the script for it is loaded (%s)', async (isThere) => {
    const page = await newPage('/plain.html');
    if (!isThere) await page.route('**/lcdnn-resize.js*', (route) => route.abort());
    const found = await run<{ lengths: number[]; answers: string[]; expected: string; isKept: boolean }>(
      page,
      `const large = new ImageData(640, 480);
      large.data.forEach((_, i, levels) => (levels[i] = (i * i) % 251));
      const before = String(large.data);
      const lengths = [];
      const post = Worker.prototype.postMessage;
      Worker.prototype.postMessage = function (message, transferred) {
        if (message[2]) lengths.push((message[1].data ?? message[1]).length);
        return post.call(this, message, transferred);
      };
      const logitsOf = async (model) => String((await model.branch(large)).logits);
      const model = await load(undefined, { edge: false });
      const answers = [await logitsOf(model), await logitsOf(model)];
      await new Promise((resolve) => setTimeout(resolve, 500));
      answers.push(await logitsOf(model));
      Worker.prototype.postMessage = post;
      const expected = await logitsOf(await load(undefined, { edge: false, worker: false }));
      return { lengths: [lengths[0], lengths.at(-1)], answers, expected, isKept: String(large.data) === before };`,
    );
    const all = 4 * 640 * 480;
    expect(found).toEqual({
      lengths: [all, isThere ? SIZE * SIZE : all],
      answers: Array(3).fill(found.expected),
      expected: expect.any(String),
      isKept: true,
    });
    await page.close();
  });

  it('that fails makes what waits reject, and all that follows', async () => {
    const page = await newPage('/plain.html');
    await run(page, 'globalThis.model = await load(undefined, { edge: false });');
    const [worker] = page.workers();
    // It is busy while the page asks, and dies before it can answer.
    await worker.evaluate(`setTimeout(() => {
      const until = Date.now() + 500;
      while (Date.now() < until);
      throw new Error('broken');
    }, 20)`);
    await page.waitForTimeout(100);
    expect(await run(page, 'return reason(model.classify(image));')).toMatch(FAILED);
    expect(await run(page, 'return reason(model.branch(image));')).toMatch(FAILED);
    await page.close();
  });

  it('lets go of a call whose signal fires', async () => {
    const page = await newPage();
    const reasons = await run(
      page,
      `const model = await load(undefined, { edge: false });
      const stop = new AbortController();
      const waiting = reason(model.classify(image, { signal: stop.signal }));
      stop.abort(new Error('enough'));
      return [await waiting, (await model.classify(image)).by];`,
    );
    expect(reasons).toEqual(['enough', 'branch']);
    await page.close();
  });

  it.each<[string, (page: Page) => Promise<unknown>, RegExp, string?]>([
    [
      'the policy of the page has none',
      (page) =>
        page.route('**/plain.html', (route) =>
          route.fulfill({
            contentType: 'text/html',
            headers: { 'content-security-policy': "script-src 'self' 'wasm-unsafe-eval'; worker-src 'none'" },
            body: '<p>no Workers</p>',
          }),
        ),
      /content security policy/i,
    ],
    ['the browser has none', (page) => page.addInitScript('delete globalThis.Worker'), /Worker is not defined/],
    [
      'its file is of another version',
      (page) =>
        page.route('**/lcdnn-worker.js', async (route) => {
          const response = await route.fetch();
          await route.fulfill({ response, body: (await response.text()).replace(/lcdnn \d+/, 'lcdnn 1') });
        }),
      /is of another version of lcdnn/,
    ],
    [
      'its file is missing',
      (page) => page.route('**/lcdnn-worker.js', (route) => route.fulfill({ status: 404 })),
      /could not be loaded/,
    ],
    ['its file never comes', (page) => page.route('**/lcdnn-worker.js', () => {}), /did not start within 3000 ms/],
    ['the bundle is of another origin', async () => {}, /cannot be accessed from origin/, 'elsewhere'],
  ])('is done without where %s, with one warning', async (_, prepare, reason, base) => {
    const page = await browser.newPage();
    const warnings: string[] = [];
    page.on('console', (message) => message.type() === 'warning' && warnings.push(message.text()));
    await prepare(page);
    await page.goto(`${url}/plain.html`);
    const loader = `${base ? foreign : url}/lcdnn.js`;
    const found = await page.evaluate(
      `import('${loader}').then(async ({ load }) => {
        const model = await load();
        const again = await load();
        return [model.worker, again.worker, (await model.branch(new Uint8Array(${SIZE * SIZE}))).logits.length];
      })`,
    );
    expect(found).toEqual([false, false, LABELS.length]);
    expect(warnings).toEqual([expect.stringMatching(/^lcdnn: the branch of tiny runs in the page, not in a Worker: /)]);
    expect(warnings[0]).toMatch(reason);
    await expect.poll(() => page.workers()).toEqual([]);
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
