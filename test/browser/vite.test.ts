import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
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

/** Opens the page, gives it an image, and expects an answer from a Worker, and no complaint. */
async function expectAnswer(url: string): Promise<void> {
  const page = await browser.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(url);
  await page.getByText(`Knows ${LABELS.join(', ')}; runs in a Worker`).waitFor();
  await page.locator('#file').setInputFiles({ name: 'grey.png', mimeType: 'image/png', buffer: png });
  await page.getByText(/^(one|two|three) \(\d+\.\d %\), in \d+\.\d ms$/).waitFor();
  expect(page.workers()).toHaveLength(1);
  expect(complaints).toEqual([]);
  await page.close();
}

describe('the example with Vite', () => {
  it('agrees with the types of the bundle', () => {
    execFileSync(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc')], { cwd: folder, stdio: 'inherit' });
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
