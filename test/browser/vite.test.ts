import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BrowserContext } from 'playwright-core';
import sharp from 'sharp';
import { build, createServer, preview } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LABELS, SIZE, tinyBundle } from '../tiny-bundle.js';
import { launchChromium } from './chromium.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'lcdnn-vite-'));
let png: Buffer;
let browser: BrowserContext;

/** The example with a tiny bundle, installed as npm would: what it names is linked. */
beforeAll(async () => {
  cpSync(join(ROOT, 'examples/vite'), folder, { recursive: true });
  await tinyBundle(join(folder, 'model'), { tau: 1 });
  mkdirSync(join(folder, 'node_modules'));
  for (const name of ['vite', 'typescript']) {
    symlinkSync(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name));
  }
  symlinkSync('../model', join(folder, 'node_modules/model'));
  png = await sharp({ create: { width: SIZE, height: SIZE, channels: 3, background: '#888' } })
    .png()
    .toBuffer();
  browser = await launchChromium();
});
afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Opens the page, gives it an image, and expects that answer, a Worker, and no complaint. */
async function expectAnswer(url: string, answer = /^(one|two|three) \(\d+\.\d %\), in \d+\.\d ms$/): Promise<void> {
  const page = await browser.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(url);
  await page.getByText(`Knows ${LABELS.join(', ')}; runs in a Worker`).waitFor();
  await page.locator('#file').setInputFiles({ name: 'grey.png', mimeType: 'image/png', buffer: png });
  await page.getByText(answer).waitFor();
  expect(page.workers()).toHaveLength(1);
  expect(complaints).toEqual([]);
  await page.close();
}

describe('the example with Vite', () => {
  it('agrees with the types of the bundle', () => {
    execFileSync(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc')], { cwd: folder, stdio: 'inherit' });
  });

  /** The page with an edge that is always asked, and sure of the second class. */
  const withEdge = () => {
    const main = join(folder, 'src/main.ts');
    const source = readFileSync(main, 'utf8');
    writeFileSync(main, source.replace('edge: false', 'tau: 0, edge: async () => [0, 20, 0]'));
    return () => writeFileSync(main, source);
  };

  it('asks an edge, as it is built and as it is developed', async () => {
    const undo = withEdge();
    await build({ root: folder, logLevel: 'warn' });
    const built = await preview({ root: folder, preview: { host: '127.0.0.1', port: 0 }, logLevel: 'warn' });
    await expectAnswer(built.resolvedUrls!.local[0], /^two \(100\.0 %\)/);
    await built.close();
    const developed = await createServer({ root: folder, server: { host: '127.0.0.1', port: 0 }, logLevel: 'warn' });
    await developed.listen();
    await expectAnswer(developed.resolvedUrls!.local[0], /^two \(100\.0 %\)/);
    await developed.close();
    undo();
  });

  it('answers as it is built, under a strict content security policy', async () => {
    await build({ root: folder, logLevel: 'warn' });
    const headers = {
      'content-security-policy':
        "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; img-src 'self' data:",
    };
    const server = await preview({ root: folder, preview: { host: '127.0.0.1', port: 0, headers }, logLevel: 'warn' });
    await expectAnswer(server.resolvedUrls!.local[0]);
    await server.close();
  });

  it('answers as it is developed', async () => {
    const server = await createServer({ root: folder, server: { host: '127.0.0.1', port: 0 }, logLevel: 'warn' });
    await server.listen();
    await expectAnswer(server.resolvedUrls!.local[0]);
    await server.close();
  });
});
