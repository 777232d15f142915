import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import type { BrowserContext } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchChromium } from '../../browser/chromium.js';
import { SIZE, tinyBundle } from '../../tiny-bundle.js';
import { APPS, writeApp } from './apps.js';

// Builds a page with each bundler, and runs it in Chromium. The bundlers come from npm's registry.

const root = mkdtempSync(join(tmpdir(), 'lcdnn-bundlers-'));
const PACKAGES = [...new Set(APPS.flatMap(({ packages }) => packages))];
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
  browser = await launchChromium();
});
afterAll(async () => {
  await browser?.close();
  rmSync(root, { recursive: true, force: true });
});

/** Serves the files of a folder. There is no edge: requests for it end with 404. */
async function serve(folder: string): Promise<{ server: Server; url: string }> {
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://host').pathname;
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

describe.skipIf(!installed)('a page that is built with', () => {
  it.each(APPS)(
    '$name classifies in a Worker, and asks the edge that it came from',
    async (app) => {
      const folder = join(root, app.name.replaceAll(/\W+/g, '-'));
      mkdirSync(folder);
      writeApp(folder, app, SIZE * SIZE);
      const built = spawnSync('npx', ['--no-install', ...app.build], {
        cwd: folder,
        encoding: 'utf8',
        timeout: BUILD_MS,
        env: { ...process.env, NODE_ENV: 'production', NEXT_TELEMETRY_DISABLED: '1' },
        shell: process.platform === 'win32',
      });
      expect(built.status, built.stdout + built.stderr).toBe(0);
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
