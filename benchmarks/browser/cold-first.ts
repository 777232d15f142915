/**
 * Times the first answer of a page with an empty cache, with `first: 'edge'` and without: `npm run bench:cold-first`. One server
 * sends everything with brotli and preload hints and is the edge, over Chromium's emulation of a 4G network, in alternation.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { BrowserContext } from 'playwright-core';
import { median } from '../../src/base/statistics.js';
import { writeBundle } from '../../src/bundle/write-bundle.js';
import { createEdgeServer } from '../../src/edge/server.js';
import { connectionProfile, emulation } from '../../src/plan/connections.js';
import { launchChromium } from '../../test/browser/chromium.js';
import { printTable } from '../print-table.js';
import { type ResultTable, writeResult } from '../results.js';
import { buildCase, NETWORK_CASES } from './network-cases.js';
import { createBenchServer } from './serve.js';

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    only: { type: 'string', multiple: true, default: ['LeNet', 'ResNet18-CIFAR'] },
  },
});
const FAST_4G = emulation(connectionProfile('4g'));

/** Milliseconds from navigation to the first answer. */
async function visit(browser: BrowserContext, url: string, by: string): Promise<number> {
  const page = await browser.newPage();
  const session = await browser.newCDPSession(page);
  await session.send('Network.enable');
  await session.send('Network.clearBrowserCache');
  await session.send('Network.emulateNetworkConditions', FAST_4G);
  await page.goto(url, { waitUntil: 'commit' });
  const answered = await page.waitForFunction('globalThis.answered');
  const found = await page.evaluate('globalThis.by');
  if (found !== by) throw new Error(`${url}: expected an answer by the ${by}, found one by the ${found}`);
  const milliseconds = (await answered.jsonValue()) as number;
  await page.close();
  return milliseconds;
}

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-cold-first-'));
const cases = NETWORK_CASES.filter(({ title }) => flags.only.includes(title));
for (const one of cases) await writeBundle(join(folder, one.title), buildCase(one).bundle);
const edge = await createEdgeServer(cases.map(({ title }) => join(folder, title)));
const app = createBenchServer(folder, { brotli: true, workerDelayMs: FAST_4G.latency });
app.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
app.post('/v2/*', async ({ url, headers, body }, reply) => {
  const answer = await edge.inject({ method: 'POST', url, headers, payload: body as Buffer });
  return reply.code(answer.statusCode).headers(answer.headers).send(answer.rawPayload);
});
const url = await app.listen({ host: '127.0.0.1', port: 0 });
const browser = await launchChromium();
try {
  const rows: ResultTable['rows'] = [];
  for (const { title, input } of cases) {
    const values = input.reduce((all, size) => all * size, 1);
    const query = `?bundle=/run/${title}/&values=${values}`;
    const [own, first]: number[][] = [[], []];
    // The first visits only create the compressed files.
    for (let round = -1; round < Number(flags.rounds); round++) {
      const times = [
        await visit(browser, `${url}/cold/lcdnn${query}`, 'branch'),
        await visit(browser, `${url}/cold/lcdnn-first${query}&first=edge`, 'edge'),
      ];
      if (round < 0) continue;
      own.push(times[0]);
      first.push(times[1]);
    }
    rows.push([title, median(own), median(first), median(own.map((time, i) => time / first[i]))]);
  }
  const time = (title: string) => ({ title, unit: ' ms' });
  const visits: ResultTable = {
    columns: [{ title: 'network' }, time('lcdnn'), time("first: 'edge'"), { title: 'ratio', digits: 1 }],
    rows,
  };
  console.log(printTable(visits));
  writeResult('cold-first', {
    command: 'npm run bench:cold-first',
    versions: { chromium: browser.browser()?.version() ?? 'unknown' },
    tables: { visits },
  });
} finally {
  await browser.close();
  await app.close();
  await edge.close();
  rmSync(folder, { recursive: true });
}
