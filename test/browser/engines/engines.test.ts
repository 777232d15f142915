import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { FastifyInstance } from 'fastify';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { importLoader } from '../../../src/bundle/import-loader.js';
import { createEdgeServer } from '../../../src/edge/server.js';
import { instantiate } from '../../../src/export/run-wasm.js';
import { type FaultProxy, startFaultProxy } from '../../fault-proxy.js';
import { program, tinyBundle, tinyImages } from '../../tiny-bundle.js';
import type { EngineBrowser, EnginePage } from './engine.js';
import { ENGINES, whyMissing } from './engines.js';
import { usageOfTree } from './process-tree.js';

// The same checks of the loader in all browsers. What they have in common is tested further in Chromium alone, in the folder above.

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-engines-'));
const images = tinyImages(6);
let server: FastifyInstance;
let proxy: FaultProxy;
/** What Node finds for each of `images`, with the kernels with SIMD and without. They add floats in another order. */
let expected: Record<'simd' | 'scalar', { readonly logits: number[]; readonly shared: number[] }[]>;
/** The branch's logits in Node for PIXELS, which pages have in memory and as a file. */
let large: number[];
/** Requests whose path contains the text are answered with that status, for as many times. */
const refusals = new Map<string, { status: number; times: number }>();

const LARGE = { width: 320, height: 240 };
/** In Node and in pages: noise that no two pixels share. */
const PIXELS = `Uint8ClampedArray.from({ length: ${4 * LARGE.width * LARGE.height} }, (_, i) =>
  i % 4 === 3 ? 255 : (i * 7919 + (i >> 7) * 31) % 256)`;
const bitsOf = (values: Float32Array): number[] => [...new Uint32Array(values.slice().buffer)];

beforeAll(async () => {
  // At τ = 0 the branch is sure of nothing: every image goes to the edge.
  const bundle = await tinyBundle(folder, { tau: 0 });
  const answersOf = (build: 'simd' | 'scalar') => {
    const oracle = instantiate(program, new Uint8Array(bundle.files.get(`lcdnn-${build}.wasm`)!));
    return images.map((image) => {
      const { logits, shared } = oracle.run(image);
      return { logits: bitsOf(logits), shared: bitsOf(shared) };
    });
  };
  expected = { simd: answersOf('simd'), scalar: answersOf('scalar') };
  const { load } = await importLoader(folder, bundle.manifest);
  const model = await load(pathToFileURL(`${folder}/`), { edge: false, relaxedSimd: false });
  const data: Uint8ClampedArray<ArrayBuffer> = new Function(`return ${PIXELS}`)();
  large = bitsOf((await model.branch({ ...LARGE, data })).logits);
  server = await createEdgeServer(bundle);
  server.addHook('onRequest', async (request, reply) => {
    for (const [path, refusal] of refusals) {
      if (request.url.includes(path) && refusal.times-- > 0) return reply.code(refusal.status).send();
    }
  });
  const send = (path: string, policy?: string) =>
    server.get(path, (_request, reply) => {
      reply.removeHeader('content-security-policy');
      if (policy) reply.header('content-security-policy', policy);
      return reply.type('text/html').send('<!doctype html><html lang="en"><title>a page</title><p>a page</p></html>');
    });
  const png = await sharp(data, { raw: { ...LARGE, channels: 4 } })
    .png()
    .toBuffer();
  server.get('/large.png', (_request, reply) => reply.type('image/png').send(png));
  send('/plain.html');
  send('/next.html');
  send(
    '/strict.html',
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; worker-src 'self'",
  );
  send('/no-worker.html', "script-src 'self' 'wasm-unsafe-eval'; worker-src 'none'");
  send('/no-wasm.html', "script-src 'self'");
  send('/typed.html', "require-trusted-types-for 'script'; trusted-types lcdnn-tiny; worker-src 'self'");
  await server.listen({ host: '127.0.0.1', port: 0 });
  const address = server.server.address();
  proxy = await startFaultProxy(typeof address === 'object' ? address!.port : 0);
});
afterAll(async () => {
  await proxy?.close();
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

for (const engine of ENGINES) {
  const missing = whyMissing(engine);
  if (missing) console.warn(`SKIPPED: the loader in ${engine.name}: ${missing}`);

  describe.skipIf(missing)(`the loader in ${engine.name}`, () => {
    let browser: EngineBrowser;
    let page: EnginePage;
    beforeAll(async () => {
      browser = await engine.launch();
    });
    afterAll(() => browser?.close());
    beforeEach(async () => {
      page = await browser.newPage();
      await page.goto(`${proxy.url}/plain.html`);
    });
    afterEach(async () => {
      proxy.faults.link = 'up';
      refusals.clear();
      await page.close();
    });

    /** Runs in the page, where `images` are the test's, `bits` those of floats, and `reason` why a promise was rejected. */
    const run = <T = unknown>(body: string): Promise<T> =>
      page.evaluate(`import('${proxy.url}/lcdnn.js').then(async ({ load }) => {
        const images = ${JSON.stringify(images.map((image) => [...image]))}.map((image) => Float32Array.from(image));
        const bits = (values) => [...new Uint32Array(values.slice().buffer)];
        const reason = (promise) => promise.then(() => 'no error', (error) => error.message);
        ${body}
      })`);
    const usage = () => {
      const { bytes, threads } = usageOfTree(browser.pid);
      return { bytes, workers: threads.filter((name) => name === engine.workerThread).length };
    };

    it.each([
      { simd: false },
      { relaxedSimd: false },
      {},
    ])('answers as Node does, to the bit, with a Worker and without: %j', async (build) => {
      for (const worker of [true, false]) {
        const [facts, answers] = await run<[object, unknown]>(
          `const model = await load(undefined, { ...${JSON.stringify(build)}, worker: ${worker}, edge: false });
          const answers = [];
          for (const image of images) {
            const { logits, shared } = await model.branch(image);
            answers.push({ logits: bits(logits), shared: bits(shared) });
          }
          const { simd, relaxedSimd } = model;
          model.dispose();
          return [{ simd, relaxedSimd, worker: model.worker }, answers];`,
        );
        const simd = !('simd' in build);
        const relaxedSimd = simd && !('relaxedSimd' in build) && !engine.lacks?.includes('relaxed SIMD');
        expect(facts).toEqual({ simd, relaxedSimd, worker });
        expect(answers).toEqual(expected[simd ? 'simd' : 'scalar']);
      }
    });

    it.each([true, false])('takes every kind of image (Worker: %s)', async (worker) => {
      const answers = await run<[string, number[]][]>(
        `const { width, height } = ${JSON.stringify(LARGE)};
        const image = new ImageData(${PIXELS}, width, height);
        const canvas = Object.assign(document.createElement('canvas'), { width, height });
        canvas.getContext('2d').putImageData(image, 0, 0);
        const offscreen = new OffscreenCanvas(width, height);
        offscreen.getContext('2d').putImageData(image, 0, 0);
        const blob = await (await fetch('/large.png')).blob();
        const element = Object.assign(new Image(), { src: '/large.png' });
        await element.decode();
        const pictures = { image, canvas, offscreen, blob, element, bitmap: await createImageBitmap(image),
          frame: new VideoFrame(canvas, { timestamp: 0 }), rgba: { width, height, data: [...image.data] } };
        const model = await load(undefined, { worker: ${worker}, edge: false });
        const answers = [];
        for (const [name, picture] of Object.entries(pictures)) {
          // Twice: the page keeps what it had.
          await model.branch(picture);
          answers.push([name, bits((await model.branch(picture)).logits)]);
        }
        model.dispose();
        return answers;`,
      );
      expect(answers).toHaveLength(8);
      expect(Object.fromEntries(answers)).toEqual(Object.fromEntries(answers.map(([name]) => [name, large])));
    });

    it('refuses what is no image, and says why', async () => {
      const reasons = await run<string[]>(
        `const model = await load(undefined, { edge: false });
        const wrong = [new Image(), document.createElement('video'), new Blob(['text']), 'cat', new Uint8Array(3)];
        const reasons = [];
        for (const image of wrong) reasons.push(await reason(model.classify(image)));
        return reasons;`,
      );
      for (const found of reasons) expect(found).toMatch(/^image: expected [^\n]*found [^\n]*$/);
    });

    it('classifies a video, frame after frame', async () => {
      const { answers, count, asked } = await run<{
        answers: { frame: number; by: string }[];
        count: { frames: number; dropped: number };
        asked: number;
      }>(
        `const canvas = Object.assign(document.createElement('canvas'), { width: 32, height: 32 });
        const pen = canvas.getContext('2d');
        const paint = () => {
          pen.fillStyle = '#888';
          pen.fillRect(0, 0, 32, 32);
        };
        paint();
        setInterval(paint, 20);
        const video = Object.assign(document.createElement('video'), { muted: true, srcObject: canvas.captureStream(30) });
        await video.play();
        const model = await load();
        const stop = new AbortController();
        const answers = [];
        const count = await model.classifyStream(video, {
          keepMs: 60_000,
          signal: stop.signal,
          onAnswer({ frame, by, cached }) {
            answers.push({ frame, by });
            if (cached && answers.length > 8) stop.abort();
          },
        });
        const asked = performance.getEntriesByType('resource').filter(({ name }) => name.endsWith('/infer')).length;
        model.dispose();
        return { answers, count, asked };`,
      );
      const frames = answers.map(({ frame }) => frame);
      expect(frames).toEqual(frames.toSorted((a, b) => a - b));
      expect([answers[0].by, answers.at(-1)!.by]).toEqual(['branch', 'edge']);
      expect(asked).toBe(1);
      expect(count.frames).toBeGreaterThanOrEqual(frames.at(-1)!);
    });

    it('has an answer whatever happens to the edge, and asks again when it is back', async () => {
      const ask = `await (async () => {
        const { by, unsure, edgeError } = await model.classify(images[0]);
        return [by, unsure, edgeError ?? ''];
      })()`;
      await run(`globalThis.model = await load(undefined, { timeoutMs: 1000 });`);
      expect(await run(`return ${ask};`)).toEqual(['edge', false, '']);
      refusals.set('/infer', { status: 503, times: 1 });
      expect(await run(`return ${ask};`)).toEqual(['edge', false, '']);
      refusals.set('/infer', { status: 503, times: 2 });
      expect(await run(`return ${ask};`)).toEqual(['branch', true, expect.stringMatching('HTTP 503')]);
      refusals.clear();
      proxy.faults.link = 'cut';
      proxy.cut();
      expect(await run(`return ${ask};`)).toEqual(['branch', true, expect.stringMatching(/infer: no answer/)]);
      proxy.faults.link = 'silent';
      expect(await run(`return ${ask};`)).toEqual(['branch', true, expect.stringMatching(/did not answer within/)]);
      // After three failures the edge is left alone for a second or two.
      expect(await run(`return ${ask};`)).toEqual(['branch', true, expect.stringMatching(/no requests for/)]);
      proxy.faults.link = 'up';
      proxy.cut(); // what was silent once stays so
      await expect.poll(() => run(`return ${ask};`), { timeout: 30_000 }).toEqual(['edge', false, '']);
    });

    it('loads once more what was refused, and names what does not come', async () => {
      await run('');
      for (const file of ['manifest.json', '.wasm', 'weights.safetensors'])
        refusals.set(file, { status: 503, times: 1 });
      expect(await run('return reason(load());')).toBe('no error');
      refusals.set('weights.safetensors', { status: 404, times: 1 });
      expect(await run('return reason(load());')).toMatch(/weights\.safetensors: [^\n]*HTTP 404$/);
      proxy.faults.link = 'silent';
      expect(await run('return reason(load(undefined, { stallMs: 400 }));')).toMatch(/found no data for 400 ms$/);
      proxy.cut();
    });

    it.each([
      ['/strict.html', true],
      ['/typed.html', true],
      ['/no-worker.html', false],
    ])('runs under the policy of %s', async (path, worker) => {
      await page.goto(proxy.url + path);
      const found = await run(
        `const model = await load();
        return [model.worker, (await model.classify(images[0])).by, bits((await model.branch(images[0])).logits)];`,
      );
      expect(found).toEqual([worker, 'edge', expected.simd[0].logits]);
    });

    it('fails with the reason of the browser where the policy forbids WebAssembly', async () => {
      await page.goto(`${proxy.url}/no-wasm.html`);
      const expected = engine.lacks?.includes('wasm policy') ? /^no error$/ : /wasm|WebAssembly|eval/i;
      expect(await run('return reason(load());')).toMatch(expected);
    });

    it('answers in a page that is hidden, and in one that was left and is shown again', async () => {
      const logits = 'bits((await model.branch(images[0])).logits)';
      // Firefox keeps no page that is left while it waits for a file.
      await run(`globalThis.model = await load();
        await model.classify(images[0]);
        await new Promise((resolve) => setTimeout(resolve, 500));
        addEventListener('pageshow', ({ persisted }) => { globalThis.persisted = persisted; });`);
      await page.goto(`${proxy.url}/next.html`);
      await page.back();
      await expect.poll(() => page.evaluate('globalThis.persisted')).toBe(true);
      const again = `return [${logits}, (await model.classify(images[0])).by];`;
      expect(await run(again)).toEqual([expected.simd[0].logits, 'edge']);

      await page.hide();
      await expect.poll(() => page.evaluate('document.visibilityState')).toBe('hidden');
      const found = await run(
        `const first = [${logits}, (await model.classify(images[0])).by];
        model.dispose();
        globalThis.model = await load();
        return [...first, ${logits}, (await model.classify(images[0])).by];`,
      );
      expect(found).toEqual([expected.simd[0].logits, 'edge', expected.simd[0].logits, 'edge']);
    });

    it('leaves no memory and no Worker behind, however often it is loaded', async () => {
      const cycles = (count: number) =>
        run(
          `for (let i = 0; i < ${count}; i++) {
            const model = await load(undefined, { edge: false });
            await model.classify(images[i % images.length]);
            model.dispose();
          }`,
        );
      const settled = async () => {
        await run(`for (let i = 0; i < 2; i++) {
          await ${engine.collectGarbage ?? 'undefined'};
          await new Promise((resolve) => setTimeout(resolve, 200));
        }`);
        return usage();
      };
      await cycles(40);
      const before = await settled();
      await cycles(60);
      // A Worker that stayed would take several megabytes. Browsers end Workers, and collect what they held, some time
      // after they are told to; a busy machine needs longer. What leaks stays.
      await expect.poll(async () => (await settled()).bytes, { timeout: 30_000 }).toBeLessThan(before.bytes + 60e6);
      const after = usage();
      expect(after.workers).toBeLessThan(before.workers + 10); // browsers start some of their own
    });
  });
}
