/**
 * The first answer of a page that was never visited: `npm run bench:cold`. Binary branch against the full network in
 * onnxruntime-web, from one server, everything in brotli and with preload hints, over Chromium's emulation of a 4G network, in alternation.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { BrowserContext } from 'playwright-core';
import { BUNDLE_FILES } from '../../src/bundle/manifest.js';
import { writeBundle } from '../../src/bundle/write-bundle.js';
import { instantiate } from '../../src/export/run-wasm.js';
import { fileSize, table } from '../../src/terminal/format.js';
import { launchChromium } from '../../test/browser/chromium.js';
import { median } from '../median.js';
import { buildCase, NETWORK_CASES, type NetworkCase } from './network-cases.js';
import { createBenchServer } from './serve.js';

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    only: { type: 'string', multiple: true, default: ['LeNet', 'ResNet18-CIFAR'] },
  },
});

/** What Chromium's developer tools call "Fast 4G": bytes a second, and milliseconds before an answer begins. */
const FAST_4G = {
  offline: false,
  downloadThroughput: (9e6 / 8) * 0.9,
  uploadThroughput: (1.5e6 / 8) * 0.9,
  latency: 165,
};
/** The ratios that we want at least: of time, and of bytes. */
const GOALS: Record<string, readonly [number, number]> = { LeNet: [8, 40], 'ResNet18-CIFAR': [8, 25] };
const TIMEOUT_MS = 300_000;

interface Visit {
  /** From the navigation to the answer. */
  readonly milliseconds: number;
  readonly bytes: number;
  /** Memory of WebAssembly, where the page can tell. */
  readonly wasmBytes?: number;
}

/** A page with an empty cache, until it has its first answer. */
async function visit(browser: BrowserContext, sent: { bytes: number }, url: string): Promise<Visit> {
  const page = await browser.newPage();
  const session = await browser.newCDPSession(page);
  await session.send('Network.enable');
  await session.send('Network.clearBrowserCache');
  await session.send('Network.emulateNetworkConditions', FAST_4G);
  sent.bytes = 0;
  await page.goto(url, { waitUntil: 'commit' });
  const answered = await page.waitForFunction('globalThis.answered', undefined, { timeout: TIMEOUT_MS });
  const milliseconds = (await answered.jsonValue()) as number;
  const wasmBytes: number | undefined = await page.evaluate('globalThis.wasmBytes');
  await page.close();
  return { milliseconds, bytes: sent.bytes, wasmBytes };
}

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-bench-'));
const app = createBenchServer(folder, { brotli: true, workerDelayMs: FAST_4G.latency });
const sent = { bytes: 0 };
app.addHook('onSend', async (_request, _reply, body) => {
  if (Buffer.isBuffer(body)) sent.bytes += body.length;
});
const url = await app.listen({ host: '127.0.0.1', port: 0 });
const browser = await launchChromium();

async function compareCold(networkCase: NetworkCase): Promise<string[]> {
  const { title, input } = networkCase;
  const { program, bundle, full } = buildCase(networkCase);
  await writeBundle(join(folder, title), bundle);
  writeFileSync(join(folder, `${title}.onnx`), full);
  const values = input.reduce((all, size) => all * size, 1);
  const pages = [
    `${url}/cold/lcdnn?bundle=/run/${title}/&values=${values}`,
    `${url}/cold/onnxruntime-web?model=/run/${title}.onnx&shape=${[1, ...input]}`,
  ];
  const visits: Visit[][] = [[], []];
  // The first visits only make the compressed files.
  for (let round = -1; round < Number(flags.rounds); round++) {
    for (const [i, page] of pages.entries()) {
      const result = await visit(browser, sent, page);
      if (round >= 0) visits[i].push(result);
    }
  }
  const [ours, theirs] = visits;
  const times = visits.map((list) => `${(median(list.map(({ milliseconds }) => milliseconds)) / 1000).toFixed(2)} s`);
  const bytes = visits.map((list) => fileSize(median(list.map(({ bytes }) => bytes))));
  const ratio = (of: 'milliseconds' | 'bytes') => median(theirs.map((visit, i) => visit[of] / ours[i][of])).toFixed(1);
  // The branch runs in a Worker, out of the page's sight: this is the same memory, laid out here.
  const kernels = new Uint8Array(bundle.files.get(BUNDLE_FILES.simd)!);
  const memory = [instantiate(program, kernels).memoryBytes, theirs[0].wasmBytes ?? 0].map(fileSize);
  const [time, wire] = GOALS[title] ?? ['-', '-'];
  return [title, ...times, ratio('milliseconds'), String(time), ...bytes, ratio('bytes'), String(wire), ...memory];
}

try {
  const rows = [
    [
      'network',
      'lcdnn',
      'onnxruntime-web',
      'ratio',
      'goal',
      'lcdnn',
      'onnxruntime-web',
      'ratio',
      'goal',
      'lcdnn',
      'onnxruntime-web',
    ],
  ];
  for (const networkCase of NETWORK_CASES.filter(({ title }) => flags.only.includes(title))) {
    rows.push(await compareCold(networkCase));
  }
  console.log(
    `First answer, bytes over the wire, and WebAssembly's memory; empty cache, 4G, medians of ${flags.rounds} rounds in alternation\n`,
  );
  console.log(table(rows, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]));
} finally {
  await browser.close();
  await app.close();
  rmSync(folder, { recursive: true });
}
