/**
 * Real Chromium, one page, one thread: kernels and whole branches against onnxruntime-web (wasm, fp32) on the same
 * float layer and on the full network, in alternation. `npm run bench:browser`; `--throttle 4` slows the processor down
 * four times, as a phone's stand-in; `--only TEXT` takes the cases whose title has it; `--profile` lists each branch's steps.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import type { Page } from 'playwright-core';
import { writeBundle } from '../../src/bundle/write-bundle.js';
import { table } from '../../src/terminal/format.js';
import { launchChromium } from '../../test/browser/chromium.js';
import { median } from '../median.js';
import { int8Model } from './int8-model.js';
import { KERNEL_CASES, type KernelCase } from './kernel-cases.js';
import { buildCase, NETWORK_CASES, type NetworkCase } from './network-cases.js';
import { createBenchServer } from './serve.js';

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '30' },
    throttle: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    profile: { type: 'boolean', default: false },
  },
});
const rounds = Number(flags.rounds);
const chosen = <Case extends { title: string }>(cases: readonly Case[]): Case[] =>
  cases.filter(({ title }) => title.includes(flags.only));

type Contestant = readonly [maker: string, ...args: unknown[]];

/** Milliseconds of every contestant, round by round. */
const compare = (page: Page, contestants: readonly Contestant[]): Promise<number[][]> =>
  page.evaluate(`compare(${JSON.stringify(contestants)}, ${rounds})`);

const microseconds = (times: readonly number[]): string => (1000 * median(times)).toFixed(0);
const ratioOf = (ours: readonly number[], theirs: readonly number[]): string =>
  median(theirs.map((time, i) => time / ours[i])).toFixed(2);

async function kernelRow(page: Page, folder: string, kernelCase: KernelCase): Promise<string[]> {
  const { title, kernel, args, peer, operations, goal } = kernelCase;
  writeFileSync(join(folder, 'layer.onnx'), peer.model);
  const [ours, theirs] = await compare(page, [
    ['kernel', { kernel, args }],
    ['onnx', '/run/layer.onnx', peer.shape],
  ]);
  const giga = (operations / median(ours) / 1e6).toFixed(0);
  return [title, microseconds(ours), microseconds(theirs), giga, ratioOf(ours, theirs), String(goal)];
}

async function networkRow(page: Page, folder: string, networkCase: NetworkCase): Promise<string[]> {
  const { title, network, input, classes, goal } = networkCase;
  const { program, bundle, full } = buildCase(networkCase);
  await writeBundle(join(folder, title), bundle);
  writeFileSync(join(folder, 'full.onnx'), full);
  writeFileSync(join(folder, 'full-int8.onnx'), int8Model(full));
  const shape = [1, ...input];
  const [ours, ...theirs] = await compare(page, [
    ['branch', `/run/${title}/`, input],
    ['onnx', '/run/full.onnx', shape],
    ['onnx', '/run/full-int8.onnx', shape],
    ['tfjs', network, input, classes],
  ]);
  if (flags.profile) {
    const steps: number[] = await page.evaluate(`profile('/run/${title}/', ${JSON.stringify(input)})`);
    const total = steps.reduce((sum, time) => sum + time);
    const rows = program.calls.map(({ kernel, args }, i) => {
      const geometry = args.filter((arg) => typeof arg === 'number').join(' ');
      return [kernel, geometry, (1000 * steps[i]).toFixed(1), `${((100 * steps[i]) / total).toFixed(1)} %`];
    });
    console.log(`${title}, ${network}\n${table([['step', 'geometry', 'us', 'share'], ...rows], [2, 3])}\n`);
  }
  const peers = theirs.flatMap((times) => [microseconds(times), ratioOf(ours, times)]);
  return [title, microseconds(ours), ...peers, String(goal)];
}

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-bench-'));
const app = createBenchServer(folder);
const url = await app.listen({ host: '127.0.0.1', port: 0 });
const browser = await launchChromium();
try {
  const page = await browser.newPage();
  await page.goto(url);
  await page.waitForFunction('globalThis.ready');
  const session = await browser.newCDPSession(page);
  await session.send('Emulation.setCPUThrottlingRate', { rate: Number(flags.throttle) });
  console.log(
    `Chromium, one thread, processor slowed ${flags.throttle} times; medians of ${rounds} rounds in alternation\n`,
  );
  const kernels = chosen(KERNEL_CASES);
  const layers = [['layer', 'lcdnn us', 'onnxruntime-web us', 'Gop/s', 'ratio', 'goal']];
  for (const kernelCase of kernels) layers.push(await kernelRow(page, folder, kernelCase));
  if (layers.length > 1) console.log(`${table(layers, [1, 2, 3, 4, 5])}\n`);
  const networks = [
    ['branch', 'lcdnn us', 'full fp32 us', 'ratio', 'int8 us', 'ratio', 'tfjs-wasm us', 'ratio', 'goal (fp32)'],
  ];
  await build({
    entryPoints: [fileURLToPath(new URL('tfjs-full.ts', import.meta.url))],
    bundle: true,
    format: 'esm',
    outfile: join(folder, 'tfjs-full.js'),
  });
  for (const networkCase of chosen(NETWORK_CASES)) networks.push(await networkRow(page, folder, networkCase));
  if (networks.length > 1) console.log(table(networks, [1, 2, 3, 4, 5, 6, 7, 8]));
} finally {
  await browser.close();
  await app.close();
  rmSync(folder, { recursive: true });
}
