/**
 * Times the first answer of a page with an empty cache and with a full one: `npm run bench:cold`. The binary branch
 * competes with the full network in onnxruntime-web. One server sends everything with brotli and preload hints, over
 * Chromium's emulation of a 4G network, in alternation.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { BrowserContext } from 'playwright-core';
import { fileSize, table } from '../../src/base/format.js';
import { median } from '../../src/base/statistics.js';
import { BUNDLE_FILES } from '../../src/bundle/manifest.js';
import { writeBundle } from '../../src/bundle/write-bundle.js';
import { instantiate } from '../../src/export/run-wasm.js';
import { connectionProfile, emulation } from '../../src/plan/connections.js';
import { launchChromium } from '../../test/browser/chromium.js';
import { packageVersions, writeResult } from '../results.js';
import { bundleLiteRt, installTensorflow, writeLiteRtModels } from './litert/models.js';
import { buildCase, NETWORK_CASES, type NetworkCase } from './network-cases.js';
import { createBenchServer } from './serve.js';

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    only: { type: 'string', multiple: true, default: ['LeNet', 'ResNet18-CIFAR'] },
  },
});

const FAST_4G = emulation(connectionProfile('4g'));
/** The minimum ratios we want: of time, and of bytes. */
const GOALS: Record<string, readonly [number, number]> = { LeNet: [8, 40], 'ResNet18-CIFAR': [8, 25] };
const TIMEOUT_MS = 300_000;
/** Evaluated in a page: memory of its Workers in bytes, which the developer tools' protocol doesn't report. */
const WORKER_HEAP = `performance.measureUserAgentSpecificMemory().then(({ breakdown }) =>
  breakdown
    .filter(({ attribution }) => attribution.some(({ scope }) => scope === 'DedicatedWorkerGlobalScope'))
    .reduce((sum, { bytes }) => sum + bytes, 0))`;

interface Visit {
  /** From navigation to answer. */
  readonly milliseconds: number;
  readonly bytes: number;
  /** Memory of WebAssembly, if the page can measure it. */
  readonly wasmBytes?: number;
  /** JavaScript objects in use, including the Worker's. */
  readonly heapBytes: number;
}

/** Opens a page and waits for its first answer. */
async function visit(
  browser: BrowserContext,
  sent: { bytes: number },
  url: string,
  cache: 'empty' | 'full',
): Promise<Visit> {
  const page = await browser.newPage();
  const session = await browser.newCDPSession(page);
  await session.send('Network.enable');
  if (cache === 'empty') await session.send('Network.clearBrowserCache');
  await session.send('Network.emulateNetworkConditions', FAST_4G);
  sent.bytes = 0;
  await page.goto(url, { waitUntil: 'commit' });
  const answered = await page.waitForFunction('globalThis.answered', undefined, { timeout: TIMEOUT_MS });
  const milliseconds = (await answered.jsonValue()) as number;
  const wasmBytes: number | undefined = await page.evaluate('globalThis.wasmBytes');
  const { usedSize } = await session.send('Runtime.getHeapUsage');
  const heapBytes = usedSize + ((await page.evaluate(WORKER_HEAP)) as number);
  await page.close();
  return { milliseconds, bytes: sent.bytes, wasmBytes, heapBytes };
}

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-bench-'));
const app = createBenchServer(folder, { brotli: true, workerDelayMs: FAST_4G.latency });
const sent = { bytes: 0 };
app.addHook('onSend', async (_request, _reply, body) => {
  if (Buffer.isBuffer(body)) sent.bytes += body.length;
});
const url = await app.listen({ host: '127.0.0.1', port: 0 });
// Without this flag a page learns its memory only after the next garbage collection.
const browser = await launchChromium({ args: ['--enable-blink-features=ForceEagerMeasureMemory'] });

interface Visits {
  readonly cold: Visit[];
  readonly warm: Visit[];
}

const missing = installTensorflow();
if (missing) console.log(missing);
else await bundleLiteRt(folder);

interface Compared {
  readonly row: string[];
  readonly memory: string[];
  /** First answer, repeated visit and bytes of LiteRT.js in 8 bits, each with its ratio; if it could be compared. */
  readonly liteRt?: string[];
}

async function visitAll(networkCase: NetworkCase): Promise<Compared> {
  const { title, input } = networkCase;
  const { program, bundle, full, network } = buildCase(networkCase);
  if (!missing) writeLiteRtModels(network, folder, title);
  await writeBundle(join(folder, title), bundle);
  writeFileSync(join(folder, `${title}.onnx`), full);
  const values = input.reduce((all, size) => all * size, 1);
  const pages = [
    `${url}/cold/lcdnn?bundle=/run/${title}/&values=${values}`,
    `${url}/cold/onnxruntime-web?model=/run/${title}.onnx&shape=${[1, ...input]}`,
    ...(missing ? [] : [`${url}/cold/litert?model=/run/${title}-int8.tflite&shape=${[1, ...input]}`]),
  ];
  const visits: Visits[] = pages.map(() => ({ cold: [], warm: [] }));
  // The first visits only create the compressed files.
  for (let round = -1; round < Number(flags.rounds); round++) {
    for (const [i, page] of pages.entries()) {
      const cold = await visit(browser, sent, page, 'empty');
      const warm = await visit(browser, sent, page, 'full');
      if (round < 0) continue;
      visits[i].cold.push(cold);
      visits[i].warm.push(warm);
    }
  }
  const [ours, theirs, liteRts] = visits;
  const both = [ours, theirs];
  const middle = (of: keyof Visit, list: readonly Visit[]) => median(list.map((visit) => visit[of] ?? 0));
  const seconds = (list: readonly Visit[]) => `${(middle('milliseconds', list) / 1000).toFixed(2)} s`;
  const ratio = (of: 'milliseconds' | 'bytes', cache: keyof Visits, peer = theirs) =>
    median(peer[cache].map((visit, i) => visit[of] / ours[cache][i][of])).toFixed(1);
  const [time, wire] = GOALS[title] ?? ['-', '-'];
  const cold = [...both.map(({ cold }) => seconds(cold)), ratio('milliseconds', 'cold'), String(time)];
  const warm = [...both.map(({ warm }) => seconds(warm)), ratio('milliseconds', 'warm')];
  const bytes = [...both.map(({ cold }) => fileSize(middle('bytes', cold))), ratio('bytes', 'cold'), String(wire)];
  // The branch runs in a Worker, where the page can't measure it. This instance has the same memory layout.
  const kernels = new Uint8Array(bundle.files.get(BUNDLE_FILES.simd)!);
  const wasm = [instantiate(program, kernels).memoryBytes, middle('wasmBytes', theirs.cold)];
  const heaps = both.map(({ cold }) => middle('heapBytes', cold));
  const liteRt = liteRts && [
    ...[title, seconds(liteRts.cold), ratio('milliseconds', 'cold', liteRts)],
    ...[seconds(liteRts.warm), ratio('milliseconds', 'warm', liteRts)],
    ...[fileSize(middle('bytes', liteRts.cold)), ratio('bytes', 'cold', liteRts)],
  ];
  return { row: [title, ...cold, ...warm, ...bytes], memory: [title, ...[...wasm, ...heaps].map(fileSize)], liteRt };
}

try {
  const networks = NETWORK_CASES.filter(({ title }) => flags.only.includes(title));
  const results: Compared[] = [];
  for (const networkCase of networks) results.push(await visitAll(networkCase));
  const both = ['lcdnn', 'ort-web'];
  console.log(`4G, medians of ${flags.rounds} rounds in alternation; ort-web: onnxruntime-web on the full network\n`);
  const visits = [
    ['first answer,', 'empty cache', '', '', '', 'full cache', '', '', 'bytes', '', '', ''],
    ['network', ...both, 'ratio', 'goal', ...both, 'ratio', ...both, 'ratio', 'goal'],
  ];
  console.log(`${table([...visits, ...results.map(({ row }) => row)], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])}\n`);
  const memory = [
    ['memory', 'WebAssembly', '', 'JavaScript', ''],
    ['network', ...both, ...both],
  ];
  console.log(table([...memory, ...results.map((result) => result.memory)], [1, 2, 3, 4]));
  const liteRtRows = results.flatMap(({ liteRt }) => (liteRt ? [liteRt] : []));
  const liteRtColumns = [
    'network',
    'LiteRT.js, full network, int8',
    'ratio',
    'visited before',
    'ratio',
    'bytes',
    'ratio',
  ];
  if (!missing) console.log(`\n${table([liteRtColumns, ...liteRtRows], [1, 2, 3, 4, 5, 6])}`);
  const peer = 'onnxruntime-web';
  const right = (titles: readonly string[]) => titles.map((title) => ({ title, align: 'right' as const }));
  writeResult('cold-start', {
    command: 'npm run bench:cold',
    versions: { chromium: browser.browser()?.version() ?? 'unknown', ...packageVersions(peer, '@litertjs/core') },
    tables: {
      ...(liteRtRows.length > 0 && {
        litert: {
          columns: liteRtColumns.map((title, i) => (i === 0 ? { title } : right([title])[0])),
          rows: liteRtRows,
        },
      }),
      visits: {
        columns: [
          { title: 'network' },
          ...right(['lcdnn', `${peer}, full network`, 'ratio', 'visited before, lcdnn', peer, 'ratio']),
          ...right(['bytes, lcdnn', `bytes, ${peer}`, 'ratio']),
        ],
        // Without the goals.
        rows: results.map(({ row }) => row.filter((_, i) => i !== 4 && i !== row.length - 1)),
      },
      memory: {
        columns: [{ title: 'memory' }, ...right(['WebAssembly, lcdnn', peer, 'JavaScript objects, lcdnn', peer])],
        rows: results.map((result) => result.memory),
      },
    },
  });
} finally {
  await browser.close();
  await app.close();
  rmSync(folder, { recursive: true });
}
