import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import type { BrowserContext, Page, Route } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEdgeServer } from '../../src/edge/server.js';
import { SIZE, tinyBundle } from '../tiny-bundle.js';
import { launchChromium } from './chromium.js';

// The loader in pages of all kinds: other paths, policies, realms, networks.

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-any-page-'));
let server: FastifyInstance;
let browser: BrowserContext;
let url: string;

beforeAll(async () => {
  server = await createEdgeServer(await tinyBundle(folder, { tau: 0 }), { cors: ['*'] });
  const page = (head: string) => `<!doctype html><html lang="en"><head>${head}</head><p>a page</p></html>`;
  const send = (path: string, head: string, policy?: string) =>
    server.get(path, (_request, reply) => {
      reply.removeHeader('content-security-policy');
      if (policy) reply.header('content-security-policy', policy);
      return reply.type('text/html').send(page(head));
    });
  send('/plain.html', '');
  send('/deep/er/plain.html', '<base href="/">');
  send('/typed.html', '', "require-trusted-types-for 'script'; trusted-types lcdnn-tiny; worker-src 'self'");
  send('/typed-without.html', '', "require-trusted-types-for 'script'; trusted-types other; worker-src 'self'");
  server.get('/sw.js', (_request, reply) =>
    reply.type('text/javascript').send(`import { load } from '/lcdnn-static.js';
      addEventListener('message', (event) => event.waitUntil((async () => {
        const model = await load();
        const { by } = await model.classify(new Uint8Array(${SIZE * SIZE}));
        event.source.postMessage([model.worker, by]);
      })().catch((error) => event.source.postMessage(String(error)))));`),
  );
  url = await server.listen({ host: '127.0.0.1', port: 0 });
  browser = await launchChromium({ serviceWorkers: 'allow' });
});
afterAll(async () => {
  await browser?.close();
  await server?.close();
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
