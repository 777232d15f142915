/**
 * Measures whole calls, from a frame to a label, in Chromium: `npm run bench:frames`. The time is processor time of all
 * processes of the browser, in alternation, because decoding, scaling and the Worker run in other threads than the page.
 * The loader competes with itself before it resized in WebAssembly (from git's history), and with onnxruntime-web and
 * LiteRT.js on the full network, whose pages scale with a canvas.
 *
 *   --rounds 5        samples of each
 *   --sample-ms 400   the least length of a sample
 *   --sizes 3         how many frame sizes, from the smallest
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import type { CDPSession, Page } from 'playwright-core';
import { messageOf } from '../../src/base/errors.js';
import { median } from '../../src/base/statistics.js';
import { writeBundle } from '../../src/bundle/write-bundle.js';
import { launchChromium } from '../../test/browser/chromium.js';
import { printTable } from '../print-table.js';
import { packageVersions, type ResultTable, writeResult } from '../results.js';
import { bundleLiteRt, installTensorflow, writeLiteRtModels } from './litert/models.js';
import { buildCase, NETWORK_CASES, type NetworkCase } from './network-cases.js';
import { createBenchServer } from './serve.js';

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    'sample-ms': { type: 'string', default: '400' },
    sizes: { type: 'string', default: '3' },
  },
});
const rounds = Number(flags.rounds);
const sampleMs = Number(flags['sample-ms']);

const SIZES = [
  ['1280x720', 1280, 720],
  ['1920x1080', 1920, 1080],
  ['4000x3000', 4000, 3000],
] as const;
/** Calls in which the time on the page's thread is measured. */
const BLOCKING_CALLS = 25;
const KINDS = ['ImageData', 'canvas', 'VideoFrame', 'ImageBitmap', 'JPEG file'];
/** The last commit whose loader resized in JavaScript. */
const BEFORE = '05b1dc0';
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

type Contestant = readonly [maker: string, ...args: unknown[]];

/** Writes a network's bundle as the earlier loader had it. @returns why it can't, if so */
async function writeEarlier(source: string, folder: string, title: string): Promise<string | undefined> {
  try {
    if (!execFileSync('git', ['cat-file', '-t', BEFORE], { cwd: ROOT, stdio: 'pipe' })) return 'no commit';
    mkdirSync(source, { recursive: true });
    const archive = execFileSync('git', ['archive', BEFORE], { cwd: ROOT, maxBuffer: 2e9, stdio: 'pipe' });
    execFileSync('tar', ['-x', '-C', source], { input: archive });
    symlinkSync(join(ROOT, 'node_modules'), join(source, 'node_modules'));
    const earlier = (path: string) => import(pathToFileURL(join(source, path)).href);
    const { buildCase, NETWORK_CASES } = await earlier('benchmarks/browser/network-cases.ts');
    const { writeBundle } = await earlier('src/bundle/write-bundle.ts');
    await writeBundle(folder, buildCase(NETWORK_CASES.find((other: NetworkCase) => other.title === title)).bundle);
    return undefined;
  } catch (thrown) {
    return `the earlier loader is left out, because commit ${BEFORE} can't be built: ${messageOf(thrown).split('\n')[0]}`;
  }
}

/** Milliseconds of a call of each contestant, by name: medians of all rounds. */
type Times = Readonly<Record<string, number>>;

async function compare(
  page: Page,
  processorMs: () => Promise<number>,
  frame: readonly [kind: string, width: number, height: number],
  contestants: Readonly<Record<string, Contestant>>,
): Promise<Times> {
  const names = Object.keys(contestants);
  const given = JSON.stringify([...frame, Object.values(contestants)]);
  await page.evaluate(`import('/page/frames.js').then(async (frames) => {
    globalThis.frames = frames;
    await frames.prepare(...${given});
  })`);
  const sample = async (index: number, calls: number): Promise<{ cpu: number; wall: number }> => {
    const before = await processorMs();
    const wall: number = await page.evaluate(`frames.repeat(${index}, ${calls})`);
    return { cpu: ((await processorMs()) - before) / calls, wall: wall / calls };
  };
  const calls: number[] = [];
  for (const index of names.keys()) {
    let { wall } = await sample(index, 2);
    // Hot code is compiled again in the background, which would count.
    for (const end = performance.now() + 3 * sampleMs; performance.now() < end; ) {
      ({ wall } = await sample(index, Math.max(1, Math.round(sampleMs / 2 / wall))));
    }
    calls.push(Math.max(2, Math.round(sampleMs / wall)));
  }
  const times: number[][] = names.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const index of names.keys()) times[index].push((await sample(index, calls[index])).cpu);
  }
  return Object.fromEntries(names.map((name, i) => [name, median(times[i])]));
}

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-frames-'));
const app = createBenchServer(folder);
const url = await app.listen({ host: '127.0.0.1', port: 0 });
const browser = await launchChromium();

async function processorTimeOf(session: CDPSession): Promise<number> {
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  return 1000 * processInfo.reduce((sum, { cpuTime }) => sum + cpuTime, 0);
}

try {
  const session = await browser.browser()!.newBrowserCDPSession();
  const processorMs = () => processorTimeOf(session);
  const page = await browser.newPage();
  await page.goto(url);
  await page.waitForFunction('globalThis.ready');
  const missing = installTensorflow();
  if (missing) console.log(missing);
  else await bundleLiteRt(folder);

  const whole: ResultTable['rows'] = [];
  const blocking: ResultTable['rows'] = [];
  const kinds: ResultTable['rows'] = [];
  const figures: Record<string, number> = {};
  for (const title of ['LeNet', 'ResNet18-224']) {
    const networkCase = NETWORK_CASES.find((other) => other.title === title)!;
    const { bundle, full, network } = buildCase(networkCase);
    await writeBundle(join(folder, title), bundle);
    writeFileSync(join(folder, `${title}.onnx`), full);
    if (!missing) writeLiteRtModels(network, folder, title);
    const problem = await writeEarlier(join(folder, `source-${title}`), join(folder, `before-${title}`), title);
    if (problem) console.log(problem);
    const { input } = networkCase;
    const lcdnn: Contestant = ['lcdnn', `/run/${title}/`];
    const onnx: Contestant = ['onnx', `/run/${title}.onnx`, input];
    for (const [size, width, height] of SIZES.slice(0, Number(flags.sizes))) {
      const contestants: Record<string, Contestant> = {
        branch: ['branch', `/run/${title}/`, input],
        lcdnn,
        ...(!problem && { before: ['lcdnn', `/run/before-${title}/`] }),
        onnx,
        ...(!missing && { litert: ['litert', `/run/${title}-int8.tflite`, input] }),
      };
      const times = await compare(page, processorMs, ['ImageData', width, height], contestants);
      const blockedMs = async (name: string): Promise<number | null> => {
        const index = Object.keys(contestants).indexOf(name);
        if (index < 0) return null;
        return median((await page.evaluate(`frames.blockedMs(${index}, ${BLOCKING_CALLS})`)) as number[]);
      };
      blocking.push([`${title}, ${size}`, await blockedMs('lcdnn'), await blockedMs('before')]);
      console.log(blocking.at(-1));
      const ratio = (one: string, other: string) => (one in times ? times[one] / times[other] : null);
      whole.push([
        ...[`${title}, ${size}`, times.branch, times.lcdnn, ratio('lcdnn', 'branch')],
        ...[times.before ?? null, ratio('before', 'lcdnn'), times.onnx, times.litert ?? null],
      ]);
      console.log(whole.at(-1));
      const key = `${title.toLowerCase()}-${size}`;
      figures[`${key}-to-branch`] = times.lcdnn / times.branch;
      if (times.before) figures[`${key}-before`] = times.before / times.lcdnn;
    }
    if (title !== 'LeNet') continue;
    for (const kind of KINDS) {
      const times = await compare(page, processorMs, [kind, 1920, 1080], { lcdnn, read: ['read'], onnx });
      kinds.push([kind, times.lcdnn, times.read, times.onnx]);
      console.log(kinds.at(-1));
    }
  }
  const time = (name: string) => ({ title: name, unit: ' ms' });
  const frames: ResultTable = {
    columns: [
      ...[{ title: 'network, frame' }, time('branch alone'), time('lcdnn'), { title: 'to the branch', digits: 2 }],
      ...[time('before'), { title: 'before, ratio', digits: 1 }, time('onnxruntime-web'), time('LiteRT.js, int8')],
    ],
    rows: whole,
  };
  const sources: ResultTable = {
    columns: [
      { title: 'frame, 1920x1080' },
      time('lcdnn, LeNet'),
      time('reading alone'),
      time('onnxruntime-web, LeNet'),
    ],
    rows: kinds,
  };
  const blocked: ResultTable = {
    columns: [{ title: 'network, frame' }, time('lcdnn'), time('before')],
    rows: blocking,
  };
  console.log([frames, blocked, sources].map(printTable).join('\n\n'));
  if (rounds >= 5 && whole.length === 6 && !missing) {
    writeResult('frame-to-label', {
      command: 'npm run bench:frames',
      versions: {
        chromium: browser.browser()?.version() ?? 'unknown',
        ...packageVersions('onnxruntime-web', '@litertjs/core'),
      },
      note: `Processor time of all processes of the browser. "before": the loader of commit ${BEFORE}.`,
      figures,
      tables: { frames, blocked, sources },
    });
  }
} finally {
  await browser.close();
  await app.close();
  rmSync(folder, { recursive: true });
}
