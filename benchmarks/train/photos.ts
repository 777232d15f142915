// npx tsx benchmarks/train/photos.ts --python PYTHON - the work of recipe photos (frozen layers once per view, then steps of
// the head) here and in PyTorch, in alternation, with the same layers and threads in single precision.
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { newRunConfig } from '../../src/api/new-run.js';
import { integer, normal, random } from '../../src/base/random.js';
import { median } from '../../src/base/statistics.js';
import type { Dataset } from '../../src/datasets/dataset.js';
import { openFrozenLayers } from '../../src/export/frozen-layers.js';
import { headInputs } from '../../src/network/head.js';
import { featuresOf } from '../../src/network/shapes.js';
import { writeCheckpoint } from '../../src/run/checkpoint.js';
import { createRun, networkOf, runFile } from '../../src/run/run-directory.js';
import { createEngine } from '../../src/train/engines/index.js';
import { initialParameters, initialSlots } from '../../src/train/initial-state.js';
import { writeJob } from '../../src/train/pytorch/job.js';
import { epochStart } from '../../src/train/reports.js';
import { trainStep } from '../../src/train/step.js';
import { contestant } from './contestant.js';

const { values: options } = parseArgs({
  options: {
    python: { type: 'string', default: '/usr/bin/python3' },
    threads: { type: 'string', default: String(availableParallelism()) },
    rounds: { type: 'string', default: '7' },
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
  const frozen = await openFrozenLayers(network, parameters);
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

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-photos-'));
try {
  const job = writePhotosJob(folder);
  const here = await openHere();
  for (const what of ['views', 'head'] as const) {
    const { batch, times } = WORK[what];
    const peer = contestant(options.python, [PROGRAM, job, what, String(batch), options.threads]);
    await peer.round(times);
    await rate(here[what], batch, times);
    const rounds: { ours: number; theirs: number }[] = [];
    for (let i = 0; i < Number(options.rounds); i++) {
      const theirs = (await peer.round(times)).rate;
      rounds.push({ ours: await rate(here[what], batch, times), theirs });
    }
    peer.end();
    const ratio = median(rounds.map(({ ours, theirs }) => ours / theirs));
    const [ours, theirs] = [median(rounds.map((round) => round.ours)), median(rounds.map((round) => round.theirs))];
    console.log(`${what}: ${ours.toFixed(1)} images/s, PyTorch ${theirs.toFixed(1)}, ratio ${ratio.toFixed(2)}`);
  }
  await here.close();
} finally {
  rmSync(folder, { recursive: true });
}
