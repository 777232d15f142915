/**
 * Measures the default rates of `lcdnn plan`: ns per operation and value for each kind of layer, in Chromium and in ONNX
 * Runtime, and the fixed costs of a call, a request and a visit. `npm run bench:layers` prints the table and the error of
 * its estimates on the measured times; `-- --write` stores it in src/plan/measured-rates.ts.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { brotliCompressSync } from 'node:zlib';
import type { BrowserContext } from 'playwright-core';
import { table } from '../../src/base/format.js';
import { median } from '../../src/base/statistics.js';
import { BUNDLE_FILES } from '../../src/bundle/manifest.js';
import { readBundle } from '../../src/bundle/read-bundle.js';
import { writeBundle } from '../../src/bundle/write-bundle.js';
import { networkCost } from '../../src/network/cost.js';
import { isBranch } from '../../src/network/layers.js';
import { createNetwork } from '../../src/network/zoo/index.js';
import { kindOfKernel } from '../../src/plan/device-profile.js';
import { fitRates, type Sample } from '../../src/plan/fit-rates.js';
import { LAYER_KINDS, workMs, workOf } from '../../src/plan/layer-times.js';
import { createDeviceBench, type DeviceResult } from '../../src/profiling/device-bench.js';
import { timeTails } from '../../src/profiling/edge-bench.js';
import { launchChromium } from '../../test/browser/chromium.js';
import { buildCase, type NetworkCase } from '../browser/network-cases.js';

const { values: flags } = parseArgs({
  options: { rounds: { type: 'string', default: '30' }, write: { type: 'boolean', default: false } },
});
const rounds = Number(flags.rounds);

type Measured = Pick<NetworkCase, 'title' | 'network' | 'input' | 'attach'>;
const CIFAR: NetworkCase['input'] = [32, 32, 3];
/** Branches behind several layers, so that float convolutions with many channels are among the layers. */
const DEVICE_CASES: readonly Measured[] = [
  { title: 'lenet', network: 'lenet', input: [28, 28, 1] },
  { title: 'lenet-fc1', network: 'lenet', input: [28, 28, 1], attach: 'fc1' },
  { title: 'alexnet', network: 'alexnet', input: CIFAR },
  { title: 'alexnet-conv3', network: 'alexnet', input: CIFAR, attach: 'conv3' },
  { title: 'resnet18', network: 'resnet18', input: CIFAR },
  { title: 'resnet18-layer2-0', network: 'resnet18', input: CIFAR, attach: 'layer2-0' },
  { title: 'mobilenet-v2', network: 'mobilenet-v2', input: CIFAR },
];
const EDGE_CASES: readonly Measured[] = DEVICE_CASES.filter(({ attach }) => attach === undefined);
const CLASSES = 10;

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-layers-'));
const browser = await launchChromium();

/** Output of `lcdnn bench device` for a bundle. */
async function deviceResult(browser: BrowserContext, bundle: string): Promise<DeviceResult> {
  const { app, result } = await createDeviceBench(readBundle(bundle));
  const page = await browser.newPage();
  try {
    await page.goto(`${await app.listen({ host: '127.0.0.1', port: 0 })}/bench/?rounds=${rounds}&edge`);
    return await result;
  } finally {
    await page.close();
    await app.close();
  }
}

/** The time on an idle machine: on a busy one the smallest samples are closest to it. */
const quiet = (samples: readonly number[]): number => samples.toSorted((a, b) => a - b)[samples.length >> 3];

/** Every layer of a branch with its time; everything between layers counts as one sample. */
function deviceSamples({ network, input, attach }: Measured, result: DeviceResult): Sample[] {
  const total = result.steps.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const steps = result.steps.map((step) => ({
    ...step,
    milliseconds: (step.milliseconds * quiet(result.branchMs)) / total,
  }));
  const { layers } = networkCost(createNetwork(network, input, CLASSES, { attach }));
  const works = layers.filter(({ part }) => part === 'shared' || isBranch(part)).flatMap(workOf);
  const timesOf = (kind: string) =>
    steps.filter(({ kernel }) => kindOfKernel(kernel) === kind).map((s) => s.milliseconds);
  return LAYER_KINDS.flatMap((kind): Sample[] => {
    const [ofKind, times] = [works.filter((work) => work.kind === kind), timesOf(kind)];
    if (kind === 'other') return [{ works: ofKind, milliseconds: times.reduce((sum, time) => sum + time, 0) }];
    if (ofKind.length !== times.length) throw new Error(`${kind}: ${ofKind.length} layers, ${times.length} steps`);
    return ofKind.map((work, i) => ({ works: [work], milliseconds: times[i] }));
  });
}

async function edgeSamples({ network: name, input }: Measured): Promise<Sample[]> {
  const at = (attach: string) => createNetwork(name, input, CLASSES, { attach, branch: { conv: 0, fc: 0 } });
  const tails = await timeTails(at('conv1'), at, rounds);
  return tails.map(({ attach, tailMs }) => {
    const layers = networkCost(at(attach)).layers.filter(({ part }) => part === 'full');
    return { works: layers.flatMap(workOf), milliseconds: quiet(tailMs) };
  });
}

const errorOf = (samples: readonly Sample[], rates: ReturnType<typeof fitRates>): string => {
  const errors = samples.map(({ works, milliseconds }) =>
    Math.abs(works.reduce((sum, work) => sum + workMs(work, rates), 0) / milliseconds - 1),
  );
  return `median ${(100 * median(errors)).toFixed(0)} %, largest ${(100 * Math.max(...errors)).toFixed(0)} %`;
};

try {
  const [onDevice, onEdge, branches]: [Sample[], Sample[], Sample[]] = [[], [], []];
  const starts: number[] = [];
  let calls = { callMs: 0, requestMs: 0 };
  let fixedBytes = 0;
  for (const measured of DEVICE_CASES) {
    const { bundle } = buildCase({ ...measured, classes: CLASSES, goal: 0 });
    const at = join(folder, measured.title);
    await writeBundle(at, bundle);
    const found = await deviceResult(browser, at);
    starts.push(found.loadMs);
    const samples = deviceSamples(measured, found);
    onDevice.push(...samples);
    branches.push({ works: samples.flatMap(({ works }) => works), milliseconds: quiet(found.branchMs) });
    if (measured !== DEVICE_CASES[0]) continue;
    const { branchMs, answerMs, edgeMs = [] } = found;
    // LeNet's tail takes a fraction of a millisecond.
    calls = { callMs: Math.max(0, quiet(answerMs) - quiet(branchMs)), requestMs: quiet(edgeMs) };
    const { files, manifest } = readBundle(at);
    fixedBytes = [files.get(BUNDLE_FILES.loader)!, files.get(BUNDLE_FILES.simd)!, JSON.stringify(manifest)]
      .map((file) => brotliCompressSync(file).length)
      .reduce((sum, bytes) => sum + bytes, 0);
  }
  for (const measured of EDGE_CASES) onEdge.push(...(await edgeSamples(measured)));
  const [device, edge] = [fitRates(onDevice), fitRates(onEdge)];

  const kinds = LAYER_KINDS.map((kind) => [
    kind,
    ...[device, edge].flatMap((rates) => [rates[kind].operation, rates[kind].value, rates[kind].layer].map(String)),
  ]);
  console.log(`ns, ${cpus()[0].model}, ${cpus().length} cores\n`);
  const header = ['', 'device: operation', 'value', 'layer', 'edge: operation', 'value', 'layer'];
  console.log(`${table([header, ...kinds], [1, 2, 3, 4, 5, 6])}\n`);
  console.log(
    `device: estimates are off by ${errorOf(onDevice, device)}, of ${onDevice.length} layers; ${errorOf(branches, device)}, of ${branches.length} branches`,
  );
  console.log(`edge: estimates are off by ${errorOf(onEdge, edge)}, of ${onEdge.length} tails`);
  const costs = { loadMs: Math.min(...starts), ...calls };
  console.log(costs, { fixedBytes });
  if (flags.write) {
    const rounded = Object.fromEntries(Object.entries(costs).map(([name, ms]) => [name, Number(ms.toPrecision(3))]));
    const path = fileURLToPath(new URL('../../src/plan/measured-rates.ts', import.meta.url));
    const rates = { cpu: cpus()[0].model, device, edge, ...rounded, fixedBytes };
    writeFileSync(
      path,
      `import type { MeasuredRates } from './measured.js';\n\n/** Written by \`npm run bench:layers -- --write\`. */\nexport const MEASURED_RATES: MeasuredRates = ${JSON.stringify(rates)};\n`,
    );
    execFileSync('npx', ['biome', 'check', '--write', path], { stdio: 'ignore' });
  }
} finally {
  await browser.close();
  rmSync(folder, { recursive: true });
}
