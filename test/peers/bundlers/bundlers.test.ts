import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import type { BrowserContext } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeExample } from '../../../src/api/write-example.js';
import { EXAMPLES } from '../../../src/codegen/example-project.js';
import { launchChromium } from '../../browser/chromium.js';
import { LABELS, SIZE, tinyBundle } from '../../tiny-bundle.js';
import { APPS, writeApp } from './apps.js';

// Builds a page with each bundler, and runs it in Chromium. The bundlers come from npm's registry.

const root = mkdtempSync(join(tmpdir(), 'lcdnn-bundlers-'));
// The examples' projects find these packages in the folder above them.
const EXAMPLE_PACKAGES = ['@vitejs/plugin-react', '@vitejs/plugin-vue', 'vue'];
const PACKAGES = [...new Set([...APPS.flatMap(({ packages }) => packages), ...EXAMPLE_PACKAGES])];
const TYPES: Record<string, string> = { '.js': 'text/javascript', '.html': 'text/html', '.wasm': 'application/wasm' };
const BUILD_MS = 300_000;

writeFileSync(join(root, 'package.json'), '{"name":"peers","private":true}');
const npm = spawnSync(
  'npm',
  ['install', '--prefer-offline', '--no-audit', '--no-fund', '--fetch-retries=1', ...PACKAGES],
  { cwd: root, encoding: 'utf8', timeout: BUILD_MS, shell: process.platform === 'win32' },
);
const installed = npm.status === 0;
if (!installed) console.warn(`the tests of bundlers are skipped: npm can't install them\n${npm.stderr}`);

let browser: BrowserContext;
beforeAll(async () => {
  if (!installed) return;
  // As npm installs a folder with --install-links: Turbopack takes no links that lead out of the project.
  await tinyBundle(join(root, 'node_modules/model'), { tau: 0 });
  await tinyBundle(join(root, 'a bundle'), { tau: 1 });
  cpSync(join(root, 'a bundle'), join(root, 'node_modules/tiny'), { recursive: true });
  browser = await launchChromium();
});
afterAll(async () => {
  await browser?.close();
  rmSync(root, { recursive: true, force: true });
});

/** Serves the files of a folder. There is no edge: requests for it end with 404. */
async function serve(folder: string): Promise<{ server: Server; url: string }> {
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://host').pathname);
    const file = path.endsWith('/') ? `${path}index.html` : path;
    try {
      const bytes = readFileSync(join(folder, file));
      response.setHeader('content-type', TYPES[extname(file)] ?? 'application/octet-stream').end(bytes);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** Runs a command of the installed packages. */
function build(folder: string, command: readonly string[]): void {
  const built = spawnSync('npx', ['--no-install', ...command], {
    cwd: folder,
    encoding: 'utf8',
    timeout: BUILD_MS,
    env: { ...process.env, NODE_ENV: 'production', NEXT_TELEMETRY_DISABLED: '1' },
    shell: process.platform === 'win32',
  });
  expect(built.status, built.stdout + built.stderr).toBe(0);
}

describe.skipIf(!installed)('a page that is built with', () => {
  it.each(APPS)(
    '$name classifies in a Worker, and asks the edge that it came from',
    async (app) => {
      const folder = join(root, app.name.replaceAll(/\W+/g, '-'));
      mkdirSync(folder);
      writeApp(folder, app, SIZE * SIZE);
      build(folder, app.build);
      if (app.copiesBundleTo) {
        cpSync(join(root, 'node_modules/model'), join(folder, app.out, app.copiesBundleTo), { recursive: true });
      }
      const { server, url } = await serve(join(folder, app.out));
      const page = await browser.newPage();
      const warnings: string[] = [];
      page.on('console', (message) => message.type() === 'warning' && warnings.push(message.text()));
      await page.goto(url);
      const answer = page.locator('#answer').filter({ hasNotText: 'Loading' });
      await answer.waitFor();
      expect(await answer.textContent()).toBe(
        JSON.stringify({ worker: true, edgeError: `${url}/v2/models/tiny/infer: HTTP 404 ` }),
      );
      expect(warnings).toEqual([]);
      await page.close();
      server.close();
    },
    2 * BUILD_MS,
  );
});

describe.skipIf(!installed)('the example of "lcdnn export --example"', () => {
  it.each(EXAMPLES)(
    '%s classifies a file in a Worker',
    async (example) => {
      const { folder, isNew, isBuilt } = writeExample(example, join(root, 'a bundle'));
      expect([folder, isNew]).toEqual([join(root, `a bundle-${example}`), true]);
      if (isBuilt) build(folder, example === 'next' ? ['next', 'build'] : ['vite', 'build']);
      const { server, url } = await serve(isBuilt ? join(folder, example === 'next' ? 'out' : 'dist') : root);
      const page = await browser.newPage();
      const complaints: string[] = [];
      page.on('console', (message) => ['error', 'warning'].includes(message.type()) && complaints.push(message.text()));
      page.on('pageerror', (error) => complaints.push(error.message));
      await page.goto(isBuilt ? url : `${url}/a bundle-${example}/`);
      const input = page.getByLabel('An image');
      await input.and(page.locator(':enabled')).waitFor();
      await input.setInputFiles({ name: 'grey.png', mimeType: 'image/png', buffer: await grey() });
      await page
        .getByRole('status')
        .filter({ hasText: new RegExp(`^(${LABELS.join('|')}), by the branch$`) })
        .waitFor();
      expect(page.workers()).toHaveLength(1);
      expect(complaints).toEqual([]);
      await page.close();
      server.close();
    },
    2 * BUILD_MS,
  );
});

const grey = () =>
  sharp({ create: { width: SIZE, height: SIZE, channels: 3, background: '#888' } })
    .png()
    .toBuffer();
