import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { BrowserContext, Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEdgeServer } from '../../src/edge/server.js';
import { SIZE, tinyBundle } from '../tiny-bundle.js';
import { launchChromium } from './chromium.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-demo-'));
let png: Buffer;
let browser: BrowserContext;
let server: FastifyInstance | undefined;
/** Paths that the server was asked for, without the version under which files are kept for ever. */
const asked: string[] = [];

/** What the server answers instead, if anything. */
let fault: ((path: string, reply: FastifyReply) => unknown) | undefined;

/** Serves a tiny bundle whose sample has this label; on the same port as the one before, where that is given. */
async function serve(label: string, port = 0): Promise<string> {
  await server?.close();
  const bundle = await tinyBundle(join(folder, label), { tau: 1, samples: [{ png, label }] });
  server = await createEdgeServer(bundle);
  server.addHook('onRequest', async ({ url }, reply) => fault?.(url, reply));
  server.addHook('onRequest', async ({ url }) => void asked.push(url.replace(`/${bundle.manifest.version}/`, '/')));
  return server.listen({ host: '127.0.0.1', port });
}

beforeAll(async () => {
  png = await sharp({ create: { width: SIZE, height: SIZE, channels: 3, background: '#888' } })
    .png()
    .toBuffer();
  browser = await launchChromium({ serviceWorkers: 'allow' });
});
afterAll(async () => {
  await browser?.close();
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Clicks the sample and waits for the branch's answer. */
async function classifySample(page: Page): Promise<void> {
  await page.locator('#samples button').first().click();
  await page.getByText('Answered by the branch, in this page').waitFor();
}

/** Waits until a service worker of the page's bundle has kept everything. */
const kept = (page: Page) =>
  page.evaluate(async () => {
    const { active } = await navigator.serviceWorker.ready;
    while (active?.state !== 'activated' || !navigator.serviceWorker.controller) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return caches.keys();
  });

describe('the demo page', () => {
  it('asks for each file once, side by side, and breaks no rule of its content security policy', async () => {
    const url = await serve('one');
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.addInitScript(() => {
      addEventListener('securitypolicyviolation', (event) => console.error(event.violatedDirective));
      // Its requests, to keep the files, are not the page's.
      Object.defineProperty(navigator, 'serviceWorker', { value: undefined });
    });
    const response = await page.goto(`${url}/demo/`);
    expect(response?.headers()['content-security-policy']).toMatch(
      /script-src 'self' 'wasm-unsafe-eval'; worker-src 'self';/,
    );
    await classifySample(page);
    expect(page.workers().map((worker) => worker.url())).toEqual([
      expect.stringMatching(/\/[0-9a-f]{12}\/lcdnn-worker\.js$/),
    ]);
    // lcdnn-edge.js comes when the page is idle.
    await expect.poll(() => asked).toContain('/lcdnn-edge.js');
    expect(asked.toSorted()).toEqual(
      [
        '/demo/',
        '/demo/demo.css',
        '/demo/demo.js',
        '/demo/drawing.js',
        '/demo/feature-maps.js',
        '/demo/history.js',
        '/demo/panel.js',
        '/demo/samples.json',
        '/demo/samples/00.png',
        '/lcdnn-edge.js',
        '/lcdnn-relaxed-simd.wasm',
        '/lcdnn-worker.js',
        '/lcdnn.js',
        '/manifest.json',
        '/weights.safetensors',
      ].sort(),
    );
    // Asked for by the page itself, before any script could.
    const early = asked.slice(0, asked.indexOf('/demo/samples.json'));
    expect(early).toContain('/weights.safetensors');
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('answers offline after the first visit, from the newest export that it has seen', async () => {
    const url = await serve('one');
    const page = await browser.newPage();
    await page.goto(`${url}/demo/`);
    await classifySample(page);
    const [first, ...others] = await kept(page);
    expect([first, others]).toEqual([expect.stringMatching(/^lcdnn http:.*\/ [0-9a-f]{12}$/), []]);

    const offline = async (label: string) => {
      await Promise.all([server?.close(), browser.setOffline(true)]);
      await page.reload();
      await classifySample(page);
      expect(await page.locator('#samples img').getAttribute('alt')).toBe(label);
      expect(page.workers().map((worker) => worker.url())).toEqual([`${url}/lcdnn-worker.js`]);
      await browser.setOffline(false);
    };
    await offline('one');

    // Another export in its place: seen at the next visit, kept from then on, and the old one dropped.
    await serve('two', Number(new URL(url).port));
    await page.reload();
    await classifySample(page);
    expect(await page.locator('#samples img').getAttribute('alt')).toBe('two');
    const names = () => page.evaluate(() => caches.keys());
    await expect.poll(names, { timeout: 60_000 }).toEqual([expect.not.stringContaining(first)]);
    await offline('two');
    await page.close();
  });

  it.each<[string, typeof fault]>([
    ['the server has a fault', (_, reply) => reply.code(503).send('busy')],
    [
      'a network sends its own page for every file',
      (path, reply) =>
        path.endsWith('/') ? undefined : reply.type('text/html').send('<!doctype html><h1>Log in</h1>'),
    ],
  ])('answers with what was kept if %s', async (_, broken) => {
    const url = await serve('one');
    const page = await browser.newPage();
    await page.goto(`${url}/demo/`);
    await classifySample(page);
    await kept(page);
    fault = broken;
    await page.reload();
    await classifySample(page);
    fault = undefined;
    await page.close();
  });
});
