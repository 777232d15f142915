/**
 * Compares speed in real Chromium, in one page and one thread, in alternation: `npm run bench:browser`.
 * Kernels compete with onnxruntime-web on the same float layer, and with their build without SIMD. Branches compete with
 * LiteRT.js and onnxruntime-web (fp32, int8) on the full network, with onnxruntime-web on the branch's layers in float, and
 * with TensorFlow.js (wasm and, if the machine renders it, webgl) on the full network. Models for LiteRT.js need TensorFlow,
 * which is installed from PyPI; if that fails, LiteRT.js is left out, and the output says so.
 *
 *   --throttle 4          slows the processor down four times, to approximate a phone
 *   --only TEXT           only cases whose title contains TEXT
 *   --profile             also times the steps of each branch
 *   --json F, --chart F   writes all samples as JSON; the ratios as a chart (SVG)
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import type { Page } from 'playwright-core';
import { table } from '../../src/base/format.js';
import { median } from '../../src/base/statistics.js';
import { writeBundle } from '../../src/bundle/write-bundle.js';
import { int8Model } from '../../src/onnx/int8-model.js';
import { launchChromium } from '../../test/browser/chromium.js';
import { packageVersions, writeResult } from '../results.js';
import { KERNEL_CASES, type KernelCase } from './kernel-cases.js';
import { type LiteLayer, liteLayers } from './lite-layers.js';
import { bundleLiteRt, installTensorflow, writeLiteRtModels } from './litert/models.js';
import { buildCase, NETWORK_CASES, type NetworkCase } from './network-cases.js';
import { ratioChart } from './ratio-chart.js';
import { createBenchServer } from './serve.js';

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '30' },
    throttle: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    profile: { type: 'boolean', default: false },
    json: { type: 'string' },
    chart: { type: 'string' },
  },
});
const rounds = Number(flags.rounds);
const chosen = <Case extends { title: string }>(cases: readonly Case[]): Case[] =>
  cases.filter(({ title }) => title.includes(flags.only));

type Contestant = readonly [maker: string, ...args: unknown[]];

/** Milliseconds of lcdnn and its peers, by round. */
interface Result {
  readonly title: string;
  readonly goal: number;
  readonly lcdnn: readonly number[];
  readonly peers: Readonly<Record<string, readonly number[]>>;
  /** Multiplications of a kernel. */
  readonly operations?: number;
}

async function compare(page: Page, lcdnn: Contestant, peers: Record<string, Contestant>) {
  const contestants = JSON.stringify([lcdnn, ...Object.values(peers)]);
  const [ours, ...theirs]: number[][] = await page.evaluate(`compare(${contestants}, ${rounds})`);
  return { lcdnn: ours, peers: Object.fromEntries(Object.keys(peers).map((name, i) => [name, theirs[i]])) };
}

async function kernelResult(page: Page, folder: string, kernelCase: KernelCase): Promise<Result> {
  const { title, kernel, args, peer, operations, goal } = kernelCase;
  writeFileSync(join(folder, 'layer.onnx'), peer.model);
  const call = { kernel, args };
  const peers = { fp32: ['onnx', '/run/layer.onnx', peer.shape], scalar: ['kernel', call, 'scalar'] } as const;
  return { title, goal, operations, ...(await compare(page, ['kernel', call], peers)) };
}

/** The peers that this machine can run besides onnxruntime-web. */
interface Available {
  readonly webgl: boolean;
  readonly litert: boolean;
}

async function networkResult(
  page: Page,
  folder: string,
  networkCase: NetworkCase,
  { webgl, litert }: Available,
): Promise<Result> {
  const { title, network, input, classes, goal } = networkCase;
  const { program, bundle, full, floatBranch, images, network: layers } = buildCase(networkCase);
  await writeBundle(join(folder, title), bundle);
  const [fullInt8, branchInt8] = [await int8Model(full, images, input), await int8Model(floatBranch, images, input)];
  const models = { full, 'full-int8': fullInt8, branch: floatBranch, 'branch-int8': branchInt8 };
  for (const [name, model] of Object.entries(models)) writeFileSync(join(folder, `${name}.onnx`), model);
  const onnx = (name: string): Contestant => ['onnx', `/run/${name}.onnx`, [1, ...input]];
  const lcdnn: Contestant = ['branch', `/run/${title}/`, input];
  const liteRt = (name: string): Contestant => ['litert', `/run/${name}.tflite`, [1, ...input]];
  if (litert) writeLiteRtModels(layers, folder, title);
  const result = await compare(page, lcdnn, {
    ...(litert && { [STRONGEST]: liteRt(`${title}-int8`), 'LiteRT.js fp32': liteRt(title) }),
    fp32: onnx('full'),
    int8: onnx('full-int8'),
    'branch fp32': onnx('branch'),
    'branch int8': onnx('branch-int8'),
    'tfjs-wasm': ['tfjs', 'wasm', network, input, classes],
    ...(webgl && { 'tfjs-webgl': ['tfjs', 'webgl', network, input, classes] }),
  });
  if (flags.profile) {
    const steps: number[] = await page.evaluate(`profile('/run/${title}/', ${JSON.stringify(input)})`);
    const total = steps.reduce((sum, time) => sum + time);
    conv1Shares.set(title, (100 * steps[0]) / total);
    const lines = program.calls.map(({ kernel, args }, i) => {
      const geometry = args.filter((arg) => typeof arg === 'number').join(' ');
      return [kernel, geometry, (1000 * steps[i]).toFixed(1), `${((100 * steps[i]) / total).toFixed(1)} %`];
    });
    console.log(`${title}\n${table([['step', 'geometry', 'us', 'share'], ...lines], [2, 3])}\n`);
  }
  return { title, goal, ...result };
}

/** A layer of EfficientNet-Lite0 in levels and in single precision, beside its peers. */
async function liteResult(page: Page, folder: string, layer: LiteLayer, litert: boolean): Promise<Result> {
  const { title, fp32, levels, peer, network } = layer;
  writeFileSync(join(folder, 'layer.onnx'), peer.model);
  if (litert) writeLiteRtModels(network, folder, 'layer');
  const liteRt = (name: string): Contestant => ['litert', `/run/${name}.tflite`, [1, ...network.input]];
  const result = await compare(page, ['kernel', levels], {
    'lcdnn fp32': ['kernel', fp32],
    ...(litert && { [STRONGEST]: liteRt('layer-int8'), 'LiteRT.js fp32': liteRt('layer') }),
    fp32: ['onnx', '/run/layer.onnx', peer.shape],
  });
  return { title, goal: 0.8, ...result };
}

/** The strongest peer: the full network in 8 bits. */
const STRONGEST = 'LiteRT.js int8';

const microseconds = (times: readonly number[]): string => (1000 * median(times)).toFixed(0);
const ratios = ({ lcdnn, peers }: Result, peer: string): number[] => peers[peer].map((time, i) => time / lcdnn[i]);
const ratio = (result: Result, peer: string): number => median(ratios(result, peer));
/** The range of the middle half of all rounds' ratios. */
const spread = (result: Result, peer: string): string => {
  const sorted = ratios(result, peer).toSorted((a, b) => a - b);
  return [0.25, 0.75].map((share) => sorted[Math.floor(share * (sorted.length - 1))].toFixed(1)).join(' to ');
};

function kernelTable(results: readonly Result[], limit: number): string {
  const header = [
    'layer',
    'lcdnn us',
    'Gop/s',
    'of its limit',
    'scalar us',
    'ratio',
    'fp32 us',
    'ratio',
    'half of all',
    'goal',
  ];
  const lines = results.map((result) => {
    const { title, lcdnn, peers, goal, operations = 0 } = result;
    const giga = operations / median(lcdnn) / 1e6;
    const ofLimit = title.startsWith('binary') ? `${((100 * giga) / limit).toFixed(0)} %` : '';
    const others = ['scalar', 'fp32'].flatMap((peer) => [microseconds(peers[peer]), ratio(result, peer).toFixed(1)]);
    return [title, microseconds(lcdnn), giga.toFixed(0), ofLimit, ...others, spread(result, 'fp32'), String(goal)];
  });
  return table([header, ...lines], [1, 2, 3, 4, 5, 6, 7, 8, 9]);
}

/** A table of all networks with times, ratios and their spread, one line per peer. */
function networkTable(results: readonly Result[]): string {
  const header = ['branch', 'lcdnn us', 'against', 'us', 'ratio', 'half of all', 'goal'];
  const lines = results.flatMap((result) =>
    Object.keys(result.peers).map((peer, i) => {
      const [title, own, goal] =
        i === 0 ? [result.title, microseconds(result.lcdnn), String(result.goal)] : ['', '', ''];
      return [
        title,
        own,
        peer,
        microseconds(result.peers[peer]),
        ratio(result, peer).toFixed(1),
        spread(result, peer),
        goal,
      ];
    }),
  );
  return table([header, ...lines], [1, 3, 4, 5, 6]);
}

/** The share of a branch's first kernel call, by title; with `--profile`. */
const conv1Shares = new Map<string, number>();

/** The tables of docs/reproduce/browser-speed.md. */
function saveResult(
  { kernels, networks, layers: liteResults }: Record<'kernels' | 'networks' | 'layers', readonly Result[]>,
  { limit, emptyCall }: { limit: number; emptyCall: number },
  chromium: string,
): void {
  const ms = (result: Result): string => `${median(result.lcdnn).toFixed(2)} ms`;
  const text = (title: string) => ({ title, align: 'right' as const });
  const giga = ({ operations = 0, lcdnn }: Result): number => operations / median(lcdnn) / 1e6;
  const known = (result: Result, peer: string) => (peer in result.peers ? ratio(result, peer) : null);
  const profiled = conv1Shares.size > 0;
  const layers = {
    columns: [
      { title: 'layer' },
      text('lcdnn'),
      { title: '10⁹ products per second', digits: 0 },
      text('of its inner loop'),
      { title: 'without SIMD', digits: 1 },
      { title: 'onnxruntime-web, fp32', digits: 1 },
      text('half of all'),
      { title: 'goal', digits: 0 },
    ],
    rows: kernels.map((result) => {
      const share = result.title.startsWith('binary') ? `${((100 * giga(result)) / limit).toFixed(0)} %` : '–';
      const [scalar, fp32] = ['scalar', 'fp32'].map((peer) => ratio(result, peer));
      return [result.title, ms(result), giga(result), share, scalar, fp32, spread(result, 'fp32'), result.goal];
    }),
  };
  const branches = {
    columns: [
      { title: 'branch' },
      text('lcdnn'),
      { title: 'LiteRT.js, full, int8', digits: 1 },
      text('half of all'),
      { title: 'LiteRT.js, full, fp32', digits: 1 },
      { title: 'onnxruntime-web, full, fp32', digits: 1 },
      text('half of all'),
      { title: 'full, int8', digits: 1 },
      { title: 'same shape, fp32', digits: 1 },
      { title: 'same shape, int8', digits: 1 },
      { title: 'TensorFlow.js, wasm', digits: 1 },
      { title: 'goal (full, fp32)', digits: 0 },
      ...(profiled ? [{ title: 'share of conv1', digits: 0, unit: ' %' }] : []),
    ],
    rows: networks.map((result) => {
      const others = ['int8', 'branch fp32', 'branch int8', 'tfjs-wasm'].map((peer) => ratio(result, peer));
      const liteRt = [
        known(result, STRONGEST),
        STRONGEST in result.peers ? spread(result, STRONGEST) : null,
        known(result, 'LiteRT.js fp32'),
      ];
      const fp32 = [ratio(result, 'fp32'), spread(result, 'fp32')];
      const conv1 = profiled ? [conv1Shares.get(result.title) ?? null] : [];
      return [result.title, ms(result), ...liteRt, ...fp32, ...others, result.goal, ...conv1];
    }),
  };
  const efficientnet = {
    columns: [
      { title: 'layer' },
      text('lcdnn, levels'),
      { title: 'lcdnn, fp32', digits: 1 },
      { title: 'LiteRT.js, int8', digits: 2 },
      { title: 'LiteRT.js, fp32', digits: 1 },
      { title: 'onnxruntime-web, fp32', digits: 1 },
    ],
    rows: liteResults.map((result) => [
      result.title,
      ms(result),
      ...['lcdnn fp32', STRONGEST, 'LiteRT.js fp32', 'fp32'].map((peer) => known(result, peer)),
    ]),
  };
  writeResult('browser-speed', {
    command: `npm run bench:browser -- ${process.argv.slice(2).join(' ')}`.trim().replace(/ --$/, ''),
    versions: { chromium, ...packageVersions('onnxruntime-web', '@tensorflow/tfjs-core', '@litertjs/core') },
    figures: {
      'empty-call-nanoseconds': Math.round(10 * emptyCall) / 10,
      ...Object.fromEntries(
        networks
          .filter(({ peers }) => STRONGEST in peers)
          .map((result) => [`${result.title.toLowerCase()}-litert-int8`, ratio(result, STRONGEST)]),
      ),
    },
    tables: { layers, branches, 'efficientnet-layers': efficientnet },
  });
}

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-bench-'));
const app = createBenchServer(folder);
const url = await app.listen({ host: '127.0.0.1', port: 0 });
const browser = await launchChromium({ args: ['--enable-unsafe-swiftshader'] });
try {
  const page = await browser.newPage();
  await page.goto(url);
  await page.waitForFunction('globalThis.ready');
  const session = await browser.newCDPSession(page);
  await session.send('Emulation.setCPUThrottlingRate', { rate: Number(flags.throttle) });
  console.log(
    `Chromium, one thread, processor slowed ${flags.throttle} times; medians of ${rounds} rounds in alternation\n`,
  );
  const kernels: Result[] = [];
  for (const kernelCase of chosen(KERNEL_CASES)) kernels.push(await kernelResult(page, folder, kernelCase));
  const limit: number = await page.evaluate(`pairsLimit(${rounds})`);
  const emptyCall: number = await page.evaluate(`emptyCallNanoseconds(${rounds})`);
  console.log(`an empty call: ${emptyCall.toFixed(1)} ns`);
  if (kernels.length > 0) {
    console.log(`inner loop in registers: ${limit.toFixed(0)} Gop/s\n\n${kernelTable(kernels, limit)}\n`);
  }
  const networks: Result[] = [];
  const layers: Result[] = [];
  const outfile = join(folder, 'tfjs-full.js');
  const entry = fileURLToPath(new URL('tfjs-full.ts', import.meta.url));
  await build({ entryPoints: [entry], bundle: true, format: 'esm', outfile });
  const missing = installTensorflow();
  if (missing) console.log(missing);
  else await bundleLiteRt(folder);
  const renderer: string | undefined = await page.evaluate('webglRenderer()');
  for (const layer of chosen(liteLayers())) layers.push(await liteResult(page, folder, layer, !missing));
  if (layers.length > 0) console.log(`EfficientNet-Lite0, layer by layer, in levels\n${networkTable(layers)}\n`);
  for (const networkCase of chosen(NETWORK_CASES)) {
    networks.push(await networkResult(page, folder, networkCase, { webgl: renderer !== undefined, litert: !missing }));
  }
  if (networks.length > 0) console.log(`${networkTable(networks)}\n\ntfjs-webgl: ${renderer ?? 'no WebGL here'}`);
  const all = [...kernels, ...layers, ...networks];
  const complete = flags.only === '' && flags.throttle === '1';
  if (complete)
    saveResult({ kernels, networks, layers }, { limit, emptyCall }, browser.browser()?.version() ?? 'unknown');
  if (flags.json)
    writeFileSync(flags.json, `${JSON.stringify({ throttle: Number(flags.throttle), renderer, results: all })}\n`);
  if (flags.chart) {
    const bars = all.map((result) => ({ title: result.title, goal: result.goal, ratio: ratio(result, 'fp32') }));
    writeFileSync(flags.chart, ratioChart(bars));
  }
} finally {
  await browser.close();
  await app.close();
  rmSync(folder, { recursive: true });
}
