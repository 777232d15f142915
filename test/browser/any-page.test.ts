import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { FastifyInstance } from 'fastify';
import type { BrowserContext, Page, Route } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEdgeServer } from '../../src/edge/server.js';
import { SIZE, tinyBundle } from '../tiny-bundle.js';
import { launchChromium } from './chromium.js';

// The loader in pages of all kinds: other paths, policies, realms, networks.

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-any-page-'));
let server: FastifyInstance;
let browser: BrowserContext;
let url: string;
/** The same bundle on another origin. */
let elsewhere: FastifyInstance;
let foreign: string;

beforeAll(async () => {
  const bundle = await tinyBundle(folder, { tau: 0 });
  server = await createEdgeServer(bundle, { cors: ['*'] });
  const page = (head: string) => `<!doctype html><html lang="en"><head>${head}</head><p>a page</p></html>`;
  const send = (path: string, head: string, policy?: string, headers = {}) =>
    server.get(path, (_request, reply) => {
      reply.removeHeader('content-security-policy');
      if (policy) reply.header('content-security-policy', policy);
      return reply.headers(headers).type('text/html').send(page(head));
    });
  send('/plain.html', '');
  send('/deep/er/plain.html', '<base href="/">');
  send('/typed.html', '', "require-trusted-types-for 'script'; trusted-types lcdnn-tiny; worker-src 'self'");
  send('/typed-without.html', '', "require-trusted-types-for 'script'; trusted-types other; worker-src 'self'");
  send('/typed-twice.html', '', "require-trusted-types-for 'script'; trusted-types lcdnn-tiny 'allow-duplicates'");
  send('/no-wasm.html', '', "script-src 'self'");
  send('/no-connections.html', '', "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'");
  send('/no-worker-src.html', '', "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'");
  send('/isolated.html', '', undefined, { 'cross-origin-embedder-policy': 'require-corp' });
  server.get('/sw.js', (_request, reply) =>
    reply.type('text/javascript').send(`import { load } from '/lcdnn-static.js';
      addEventListener('message', (event) => event.waitUntil((async () => {
        const model = await load();
        const { by } = await model.classify(new Uint8Array(${SIZE * SIZE}));
        event.source.postMessage([model.worker, by]);
      })().catch((error) => event.source.postMessage(String(error)))));`),
  );
  url = await server.listen({ host: '127.0.0.1', port: 0 });
  elsewhere = await createEdgeServer(bundle, { cors: ['*'] });
  foreign = await elsewhere.listen({ host: '127.0.0.1', port: 0 });
  browser = await launchChromium({ serviceWorkers: 'allow' });
});
afterAll(async () => {
  await browser?.close();
  await server?.close();
  await elsewhere?.close();
  rmSync(folder, { recursive: true, force: true });
});

const open = async (path = '/plain.html', prepare: (page: Page) => unknown = () => {}): Promise<Page> => {
  const page = await browser.newPage();
  await prepare(page);
  await page.goto(url + path);
  return page;
};

/** Evaluates in the page, where `load` is the loader's, `image` is one, and `reason` why a promise was rejected. */
const run = <T = unknown>(page: Page, body: string, loader = `${url}/lcdnn.js`): Promise<T> =>
  page.evaluate(`import('${loader}').then(async ({ load }) => {
    const image = new Uint8Array(${SIZE * SIZE}).fill(99);
    const reason = (promise) => promise.then(() => 'no error', (error) => error.message);
    ${body}
  })`);

describe('a page', () => {
  it('may load the bundle by a path that is relative to its base', async () => {
    const page = await open('/deep/er/plain.html');
    const found = "const model = await load('./', {}); return [model.worker, (await model.classify(image)).by];";
    expect(await run(page, found)).toEqual([true, 'edge']);
    await page.close();
  });

  it('may have the loader as a blob, which needs the bundle’s URL', async () => {
    const page = await open();
    const blob = await page.evaluate(
      `fetch('/lcdnn.js').then((response) => response.blob()).then((blob) => URL.createObjectURL(new Blob([blob], { type: 'text/javascript' })))`,
    );
    const found = `const model = await load('${url}/'); return [await reason(load()), (await model.classify(image)).by];`;
    expect(await run(page, found, blob as string)).toEqual([
      "load: expected the URL of the bundle's folder, found none; call load(base)",
      'edge',
    ]);
    await page.close();
  });

  it('may require Trusted Types: with the policy of the model it has a Worker, without it a warning', async () => {
    const page = await open('/typed.html');
    expect(await run(page, 'return (await load()).worker;')).toBe(true);
    expect(await run(page, 'return (await load()).worker;')).toBe(true);
    await page.goto(`${url}/typed-without.html`);
    expect(
      await run(page, 'const model = await load(); return [model.worker, (await model.classify(image)).by];'),
    ).toEqual([false, 'edge']);
    await page.close();
  });
});

it.each([
  [
    'a page of a blob',
    (page: string) => `frame.src = URL.createObjectURL(new Blob([${page}], { type: 'text/html' }))`,
    true,
  ],
  ['a sandboxed frame', (page: string) => `frame.sandbox = 'allow-scripts'; frame.srcdoc = ${page}`, false],
] as const)('%s classifies, and asks the edge of the bundle', async (_, show, worker) => {
  const page = await open();
  const script = `<script type="module">
    const { load } = await import('${url}/lcdnn.js');
    const model = await load();
    const { by } = await model.classify(new Uint8Array(${SIZE * SIZE}));
    parent.postMessage([model.worker, by], '*');
  </script>`;
  const found = await page.evaluate(`new Promise((resolve) => {
    addEventListener('message', ({ data }) => resolve(data));
    const frame = document.createElement('iframe');
    ${show(JSON.stringify(script).replaceAll('</', '<\\/'))};
    document.body.append(frame);
  })`);
  expect(found).toEqual([worker, 'edge']);
  await page.close();
});

describe('a policy', () => {
  it("without 'wasm-unsafe-eval' is named with what to add", async () => {
    const page = await open('/no-wasm.html');
    expect(await run(page, 'return reason(load());')).toMatch(
      /^lcdnn-relaxed-simd\.wasm: expected a page that may compile WebAssembly, found another \(.*\); add 'wasm-unsafe-eval' to script-src of the content security policy$/,
    );
    await page.close();
  });

  it('without connections is an error that names the file; without worker-src, script-src counts', async () => {
    const page = await open('/no-connections.html');
    expect(await run(page, 'return reason(load());')).toMatch(
      /manifest\.json: expected a file of the bundle, found no answer \(/,
    );
    await page.goto(`${url}/no-worker-src.html`);
    expect(await run(page, 'return (await load()).worker;')).toBe(true);
    await page.close();
  });

  it('without the edge in connect-src lets the branch answer', async () => {
    const page = await open('/no-worker-src.html');
    const found = `const { by, edgeError } = await (await load(undefined, { edge: '${foreign}' })).classify(image); return [by, edgeError];`;
    expect(await run(page, found)).toEqual(['branch', expect.stringMatching(/infer: no answer \(/)]);
    await page.close();
  });

  it.each<[string, () => string, boolean]>([
    ['its own', () => url, true],
    ['another', () => foreign, false],
  ])('of isolation (COEP) lets a page use the bundle of %s origin', async (_, origin, worker) => {
    const page = await open('/isolated.html');
    const found =
      'const model = await load(); return [model.worker, crossOriginIsolated, (await model.classify(image)).by];';
    expect(await run(page, found, `${origin()}/lcdnn.js`)).toEqual([worker, true, 'edge']);
    await page.close();
  });

  it('for Trusted Types may allow two copies of a loader, each with its Worker', async () => {
    const page = await open('/typed-twice.html');
    const found = `const other = await import('/lcdnn.js?other');
      const models = [await load(), await other.load()];
      const answers = await Promise.all(models.map((model) => model.classify(image)));
      models[0].dispose();
      return [...models.map(({ worker }) => worker), ...answers.map(({ by }) => by), (await models[1].classify(image)).by];`;
    expect(await run(page, found)).toEqual([true, true, 'edge', 'edge', 'edge']);
    await page.close();
  });
});

it('a page of a file may use a bundle of a server', async () => {
  const file = join(folder, 'page.html');
  writeFileSync(file, '<!doctype html><p>a page</p>');
  const page = await browser.newPage();
  await page.goto(pathToFileURL(file).href);
  const found = 'const model = await load(); return [model.worker, (await model.classify(image)).by];';
  expect(await run(page, found)).toEqual([false, 'edge']);
  await page.close();
});

it('three models that are loaded at the same time are independent', async () => {
  const page = await open();
  const found = `const models = await Promise.all([load(), load(), load()]);
    models[0].dispose();
    return [await reason(models[0].classify(image)), ...(await Promise.all(models.slice(1).map((model) => model.classify(image)))).map(({ by }) => by)];`;
  expect(await run(page, found)).toEqual(['the model was disposed of; load it again', 'edge', 'edge']);
  await page.close();
});

describe('a network', () => {
  const once = (fault: (route: Route) => unknown) => {
    let count = 0;
    return (route: Route) => (count++ === 0 ? fault(route) : route.continue());
  };

  it.each<[string, (route: Route) => unknown]>([
    ['is busy (503)', (route) => route.fulfill({ status: 503, headers: { 'retry-after': '1' } })],
    ['cuts the connection', (route) => route.abort('connectionreset')],
  ])('that %s once, while a file is loading, is tried again', async (_, fault) => {
    const page = await open();
    for (const file of ['manifest.json', 'weights.safetensors', 'lcdnn-*.wasm'])
      await page.route(`**/${file}`, once(fault));
    const last = await run(
      page,
      'let last; await load("/", { onProgress: (now) => { last = now; } }); return last.loaded - last.total;',
    );
    expect(last).toBe(0);
    await page.close();
  });

  it.each<[string, (route: Route) => unknown, RegExp]>([
    [
      'stays busy',
      (route) => route.fulfill({ status: 503 }),
      /weights\.safetensors: expected a file of the bundle, found HTTP 503$/,
    ],
    ['has no such file', (route) => route.fulfill({ status: 404 }), /found HTTP 404$/],
    [
      'sends the page of an app instead',
      (route) => route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>App</title>' }),
      /weights\.safetensors: expected a file of the bundle, found an HTML page$/,
    ],
    ['stalls', () => {}, /found no data for 500 ms$/],
  ])('that %s is named with the file', async (_, fault, expected) => {
    const page = await open();
    await page.route('**/weights.safetensors', fault);
    expect(await run(page, 'return reason(load("/", { stallMs: 500 }));')).toMatch(expected);
    await page.close();
  });
});

describe('a place without import()', () => {
  it('has the static entry: a service worker classifies', async () => {
    const page = await open();
    const found = await page.evaluate(`(async () => {
      const { active, installing, waiting } = await navigator.serviceWorker.register('/sw.js', { type: 'module' });
      const worker = active ?? installing ?? waiting;
      const answer = new Promise((resolve) => navigator.serviceWorker.addEventListener('message', ({ data }) => resolve(data)));
      navigator.serviceWorker.startMessages();
      worker.postMessage('go');
      return answer;
    })()`);
    expect(found).toEqual([false, 'edge']);
    await page.close();
  });
});

describe.each([true, false])('an image (Worker: %s)', (worker) => {
  it('may be of another window, of half precision, or an SVG without a size; the caller keeps it', async () => {
    const page = await open();
    const found = await run<Record<string, number>>(
      page,
      `const model = await load(undefined, { worker: ${worker}, edge: false });
      const frame = document.body.appendChild(document.createElement('iframe'));
      const { Uint8Array: Other, ImageData: OtherData } = frame.contentWindow;
      const grey = Uint8ClampedArray.from({ length: ${4 * SIZE * SIZE} }, (_, i) => i % 4 === 3 ? 255 : 51);
      const half = new ImageData(${SIZE}, ${SIZE}, { pixelFormat: 'rgba-float16' });
      for (let i = 0; i < half.data.length; i++) half.data[i] = i % 4 === 3 ? 1 : 0.2;
      const text = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><rect width="8" height="8" fill="#333"/></svg>';
      const svg = new Blob([text], { type: 'image/svg+xml' });
      const element = Object.assign(new Image(), { src: URL.createObjectURL(svg) });
      await element.decode();
      const images = {
        own: new Uint8Array(${SIZE * SIZE}).fill(51), other: new Other(${SIZE * SIZE}).fill(51),
        otherData: new OtherData(grey, ${SIZE}), half, svg, element,
      };
      const entropies = {};
      for (const [name, image] of Object.entries(images)) {
        await model.classify(image);
        entropies[name] = (await model.classify(image)).entropy;
      }
      return entropies;`,
    );
    expect(Object.keys(found)).toHaveLength(6);
    for (const [name, entropy] of Object.entries(found)) expect([name, entropy]).toEqual([name, found['own']]);
    await page.close();
  });

  it('may be closed as soon as it is given, and is the first frame of an animation', async () => {
    const [dark, bright] = [50, 200].map((level) => Buffer.alloc(3 * SIZE * SIZE, level));
    const raw = { width: SIZE, height: 2 * SIZE, channels: 3, pageHeight: SIZE } as const;
    const gif = await sharp(Buffer.concat([dark, bright]), { raw })
      .gif({ delay: [20, 20] })
      .toBuffer();
    const page = await open();
    const entropies = await run<number[]>(
      page,
      `const model = await load(undefined, { worker: ${worker}, edge: false });
      const entropyOf = async (image) => (await model.classify(image)).entropy;
      const closed = (image) => { const found = entropyOf(image); image.close(); return found; };
      const canvas = new OffscreenCanvas(${SIZE}, ${SIZE});
      const pen = canvas.getContext('2d');
      pen.fillStyle = 'rgb(50 50 50)';
      pen.fillRect(0, 0, ${SIZE}, ${SIZE});
      const animation = await (await fetch('data:image/gif;base64,${gif.toString('base64')}')).blob();
      const element = document.body.appendChild(Object.assign(new Image(), { src: URL.createObjectURL(animation) }));
      await element.decode();
      await new Promise((resolve) => setTimeout(resolve, 30));
      return [
        await entropyOf(new Uint8Array(${SIZE * SIZE}).fill(50)), await closed(new VideoFrame(canvas, { timestamp: 0 })),
        await closed(await createImageBitmap(canvas)), await entropyOf(animation), await entropyOf(element),
      ];`,
    );
    expect(entropies).toEqual(Array(5).fill(entropies[0]));
    await page.close();
  });

  it('is turned as its EXIF orientation says', async () => {
    const halves = Buffer.from(
      Array.from({ length: 3 * SIZE * SIZE }, (_, i) => (i % (3 * SIZE) < 1.5 * SIZE ? 255 : 0)),
    );
    const source = sharp(halves, { raw: { width: SIZE, height: SIZE, channels: 3 } });
    const upright = await source.clone().rotate(90).png().toBuffer();
    const turned = await source.clone().withMetadata({ orientation: 6 }).jpeg({ quality: 100 }).toBuffer();
    const page = await open();
    const differences = await run<number[]>(
      page,
      `const model = await load(undefined, { worker: ${worker}, edge: false });
      const logitsOf = async (image) => [...(await model.branch(image)).logits];
      const fetched = async (url) => (await fetch(url)).blob();
      const expected = await logitsOf(await fetched('data:image/png;base64,${upright.toString('base64')}'));
      const photograph = await fetched('data:image/jpeg;base64,${turned.toString('base64')}');
      const element = Object.assign(new Image(), { src: URL.createObjectURL(photograph) });
      await element.decode();
      const found = [photograph, element, await createImageBitmap(photograph)].map(logitsOf);
      return (await Promise.all(found)).map((logits) => Math.max(...logits.map((logit, i) => Math.abs(logit - expected[i]))));`,
    );
    for (const difference of differences) expect(difference).toBeLessThan(0.1);
    await page.close();
  });

  it.each([
    ['RGBA pixels with NaN', '({ width: 1, height: 1, data: [1, NaN, 2, 3] })', 'expected finite values, found NaN'],
    ['a Uint16Array', `new Uint16Array(${SIZE * SIZE})`, 'found a Uint16Array'],
    ['a list', `Array(${SIZE * SIZE}).fill(1)`, 'found [object Array]'],
  ])('is refused by name if it is %s', async (_, image, expected) => {
    const page = await open();
    const found = await run<string>(
      page,
      `return reason((await load(undefined, { worker: ${worker} })).classify(${image}));`,
    );
    expect(found).toMatch(/^image: [^\n]{1,400}$/);
    expect(found).toContain(expected);
    await page.close();
  });
});
