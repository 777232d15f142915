// npm run bench:photos - the work of recipe photos (frozen layers once per view, then steps of the head) here and in PyTorch, in
// alternation, with the same layers and threads in single precision. --python: a Python with torch and safetensors [default: what
// scripts/make-test-python.js has made]. --out writes benchmarks/results/photos-speed.json.
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { newRunConfig } from '../../src/api/new-run.js';
import { integer, normal, random } from '../../src/base/random.js';
import { median } from '../../src/base/statistics.js';
import type { Dataset } from '../../src/datasets/dataset.js';
import { openFrozenLayers } from '../../src/export/frozen-layers.js';
import { frozenParts, headInputs } from '../../src/network/head.js';
import { featuresOf } from '../../src/network/shapes.js';
import { writeCheckpoint } from '../../src/run/checkpoint.js';
import { createRun, networkOf, runFile } from '../../src/run/run-directory.js';
import { createEngine } from '../../src/train/engines/index.js';
import { initialParameters, initialSlots } from '../../src/train/initial-state.js';
import { findPython } from '../../src/train/pytorch/find-python.js';
import { writeJob } from '../../src/train/pytorch/job.js';
import { epochStart } from '../../src/train/reports.js';
import { trainStep } from '../../src/train/step.js';
import { PYTHON } from '../../test/python.js';
import { printTable } from '../print-table.js';
import { packageVersions, writeResult } from '../results.js';
import { contestant } from './contestant.js';

const { values: options } = parseArgs({
  options: {
    python: { type: 'string', default: PYTHON ?? '/usr/bin/python3' },
    threads: { type: 'string', default: String(availableParallelism()) },
    rounds: { type: 'string', default: '7' },
    out: { type: 'boolean', default: false },
  },
});
const SHAPE = [224, 224, 3] as const;
const CLASSES = 5;
/** Images at a time, and how often in a round: as in training. */
const WORK = { views: { batch: 16, times: 2 }, head: { batch: 64, times: 4 } };
const PROGRAM = new URL('photos.py', import.meta.url).pathname;

const config = newRunConfig({ recipe: 'photos' });
const network = networkOf(config, SHAPE, CLASSES);
const parameters = initialParameters(network, 1);
const next = random(1);
const randoms = (length: number) => Float32Array.from({ length }, () => normal(next));

/** Random images for the job, which reads some. */
function randomImages(): Dataset {
  const count = 80;
  const bytes = Uint8Array.from({ length: count * featuresOf(SHAPE) }, () => integer(next, 256));
  const split = {
    count,
    pixels: { in: 'memory', bytes },
    labels: Uint16Array.from({ length: count }, (_, i) => i % CLASSES),
  } as const;
  const labels = Array.from({ length: CLASSES }, (_, i) => `class ${i}`);
  return { name: 'random', labels, mean: [0.5], std: [0.5], shape: SHAPE, stored: SHAPE, train: split, test: split };
}

function writePhotosJob(folder: string): string {
  const ofJob = { ...config, views: 0, epochs: 1, validation: 10, crop: 1, jitter: 0 };
  const run = createRun(join(folder, 'run'), ofJob, network);
  const state = { ...parameters, ...initialSlots(parameters, network, ofJob) };
  writeCheckpoint(runFile(run, 'checkpoint'), { progress: epochStart(0, 0), state });
  return writeJob(run, randomImages(), 'cpu', 'float32').folder;
}

/** The frozen layers and the head here; each function does the work of a batch. */
async function openHere() {
  const images = randoms(WORK.views.batch * featuresOf(SHAPE));
  const frozen = await openFrozenLayers(frozenParts(network), parameters);
  const { batch } = WORK.head;
  const shapes = Object.fromEntries(
    Object.entries(headInputs(network)).map(([name, shape]) => [name, [batch, ...shape]]),
  );
  const state = { ...parameters, ...initialSlots(parameters, network, config) };
  const engine = await createEngine('onnxruntime');
  engine.setState(state);
  const scalars = { rate: [], branchRate: [], correction1: [], correction2: [] };
  const given = { ...shapes, targets: [batch, CLASSES], ...scalars };
  const step = await engine.compile(trainStep(network, config), Object.keys(state), given);
  const inputs = {
    ...Object.fromEntries(
      Object.entries(shapes).map(([name, shape]) => [name, randoms(shape.reduce((a, b) => a * b))]),
    ),
    targets: Float32Array.from({ length: batch * CLASSES }, (_, i) =>
      i % CLASSES === Math.floor(i / CLASSES) % CLASSES ? 1 : 0,
    ),
    ...Object.fromEntries(Object.keys(scalars).map((name) => [name, Float32Array.of(1e-3)])),
  };
  return {
    views: async () => void (await frozen.compute(images, WORK.views.batch)),
    head: async () => void (await step(inputs)),
    async close() {
      await frozen.close();
      await engine.dispose();
    },
  };
}

async function rate(work: () => Promise<void>, batch: number, times: number): Promise<number> {
  const started = performance.now();
  for (let i = 0; i < times; i++) await work();
  return (1000 * batch * times) / (performance.now() - started);
}

/** Photographs that the recipe as a whole is reckoned for. */
const PHOTOGRAPHS = 400;

interface Speed {
  readonly ours: number;
  readonly theirs: number;
}

async function compare(what: keyof typeof WORK, job: string, work: () => Promise<void>): Promise<Speed> {
  const { batch, times } = WORK[what];
  const peer = contestant(options.python, [PROGRAM, job, what, String(batch), options.threads]);
  await peer.round(times);
  await rate(work, batch, times);
  const rounds: Speed[] = [];
  for (let i = 0; i < Number(options.rounds); i++) {
    const theirs = (await peer.round(times)).rate;
    rounds.push({ ours: await rate(work, batch, times), theirs });
  }
  peer.end();
  return { ours: median(rounds.map(({ ours }) => ours)), theirs: median(rounds.map(({ theirs }) => theirs)) };
}

/** Seconds for all views, and for every epoch of the head. */
const secondsFor = (views: number, head: number): number =>
  PHOTOGRAPHS * config.views * (1 / views + config.epochs / head);

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-photos-'));
try {
  const job = writePhotosJob(folder);
  const here = await openHere();
  const views = await compare('views', job, here.views);
  const head = await compare('head', job, here.head);
  await here.close();
  const seconds = { ours: secondsFor(views.ours, head.ours), theirs: secondsFor(views.theirs, head.theirs) };
  const rows = [
    ['frozen layers, views/s', views.ours, views.theirs, views.ours / views.theirs],
    ['head, views/s', head.ours, head.theirs, head.ours / head.theirs],
    [`${PHOTOGRAPHS} photographs, s`, seconds.ours, seconds.theirs, seconds.theirs / seconds.ours],
  ];
  const columns = [
    { title: 'work' },
    { title: 'lcdnn', digits: 0, align: 'right' as const },
    { title: 'PyTorch', digits: 0, align: 'right' as const },
    { title: 'speed ratio', digits: 2, align: 'right' as const },
  ];
  console.log(printTable({ columns, rows }));
  if (options.out) {
    const versions = { ...packageVersions('onnxruntime-node'), torch: (await findPython(options.python, 'cpu')).torch };
    writeResult('photos-speed', {
      command: 'npm run bench:photos -- --out',
      versions,
      tables: { work: { columns, rows } },
    });
  }
} finally {
  rmSync(folder, { recursive: true });
}
