// npm run bench:train - images/s of joint networks: our step (--engine) against PyTorch on the CPU, in alternation.
// PyTorch: a Python with torch, named by --python or found as /usr/bin/python3 (Debian: python3-torch, libopenblas0-pthread).
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { table } from '../../src/base/format.js';
import { integer, random } from '../../src/base/random.js';
import { median } from '../../src/base/statistics.js';
import type { Dataset } from '../../src/datasets/dataset.js';
import { createNetwork } from '../../src/network/zoo/index.js';
import { writeCheckpoint } from '../../src/run/checkpoint.js';
import { resolveConfig } from '../../src/run/config.js';
import { createRun, runFile } from '../../src/run/run-directory.js';
import { PYTORCH } from '../../src/train/engines/index.js';
import { writeJob } from '../../src/train/pytorch/job.js';
import { epochStart } from '../../src/train/reports.js';
import { startState } from '../../src/train/warm-start/warm-start.js';
import { contestant, enginePytorch } from './contestant.js';

/** Networks with their images, the steps of one round, and the ratio that we want at least. */
const NETWORKS = {
  lenet: { image: [28, 28, 1], steps: 20, target: 0.85 },
  alexnet: { image: [32, 32, 3], steps: 3, target: 0.7 },
  resnet18: { image: [32, 32, 3], steps: 1, target: 0.65 },
} as const;
type Name = keyof typeof NETWORKS;
const names = Object.keys(NETWORKS) as Name[];
/** Before anything is measured. */
const WARM_STEPS = 2;

const { values: options } = parseArgs({
  options: {
    network: { type: 'string', multiple: true, default: names },
    engine: { type: 'string', default: 'onnxruntime' },
    python: { type: 'string', default: '/usr/bin/python3' },
    batch: { type: 'string', default: '64' },
    threads: { type: 'string', default: String(availableParallelism()) },
    rounds: { type: 'string', default: '11' },
  },
});

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

/** A job of engine pytorch with an image for every step; its folder. */
function writeTrainingJob(name: Name, folder: string): string {
  const { image, steps } = NETWORKS[name];
  const batchSize = Number(options.batch);
  const count = batchSize * (steps * Number(options.rounds) + WARM_STEPS) + 10;
  const values = image[0] * image[1] * image[2];
  const next = random(1);
  const bytes = Uint8Array.from({ length: count * values }, () => integer(next, 256));
  const labels = Uint16Array.from({ length: count }, () => integer(next, 10));
  const split = { count, pixels: { in: 'memory', bytes }, labels } as const;
  const perChannel = Array.from({ length: image[2] }, () => 0.5);
  const names = Array.from({ length: 10 }, (_, i) => `class ${i}`);
  const about = { name: 'random', labels: names, mean: perChannel, std: perChannel };
  const dataset: Dataset = { ...about, shape: image, stored: image, train: split, test: split };
  const config = resolveConfig({ network: name, batchSize, validation: 10, epochs: 1, flip: true, shift: 2 });
  const run = createRun(join(folder, `${name}-run`), config, createNetwork(name, image, 10));
  const { state } = startState(config, run.network);
  writeCheckpoint(runFile(run, 'checkpoint'), { progress: epochStart(0, 0), state });
  const job = writeJob(run, dataset, 'cpu', 'float32');
  job.writePlan(0);
  return job.folder;
}

async function compare(name: Name, folder: string): Promise<string[]> {
  const { image, steps, target } = NETWORKS[name];
  const file = join(folder, `${name}.json`);
  writeFileSync(file, JSON.stringify(createNetwork(name, image, 10)));
  const setting = [file, options.batch, options.threads];
  const pytorch = contestant(options.python, [here('pytorch.py'), ...setting]);
  const lcdnn =
    options.engine === PYTORCH
      ? contestant(options.python, [enginePytorch, writeTrainingJob(name, folder), ...setting.slice(1)])
      : contestant(process.execPath, ['--import', 'tsx', here('lcdnn.ts'), ...setting, options.engine]);
  await lcdnn.round(WARM_STEPS);
  await pytorch.round(WARM_STEPS);
  const ours: number[] = [];
  const theirs: number[] = [];
  const peaks = [0, 0];
  for (let i = 0; i < Number(options.rounds); i++) {
    const a = await lcdnn.round(steps);
    const b = await pytorch.round(steps);
    ours.push(a.rate);
    theirs.push(b.rate);
    [peaks[0], peaks[1]] = [a.peak, b.peak];
  }
  lcdnn.end();
  pytorch.end();
  const ratio = median(ours.map((rate, i) => rate / theirs[i]));
  const rates = [ours, theirs].map((rounds) => median(rounds).toFixed(rounds[0] < 100 ? 1 : 0));
  return [name, ...rates, ratio.toFixed(2), target.toFixed(2), ...peaks.map((peak) => (peak / 1e6).toFixed(0))];
}

const unknown = options.network.filter((name) => !Object.hasOwn(NETWORKS, name));
if (unknown.length > 0) {
  console.error(`--network: expected one of ${names.join(', ')}, found ${unknown.join(', ')}`);
  process.exit(2);
}
try {
  execFileSync(options.python, ['-c', 'import torch'], { stdio: 'ignore' });
} catch {
  console.log(`skipped: ${options.python} has no torch (Debian: apt-get install python3-torch libopenblas0-pthread)`);
  process.exit(0);
}
const folder = mkdtempSync(join(tmpdir(), 'lcdnn-bench-'));
try {
  const rows = [['network', 'lcdnn', 'PyTorch', 'ratio', 'target', 'lcdnn MB', 'PyTorch MB']];
  for (const name of options.network as Name[]) rows.push(await compare(name, folder));
  console.log(
    `joint networks, engine ${options.engine}, Adam, batch ${options.batch}, ${options.threads} threads, ${options.rounds} rounds in alternation; ` +
      'images/s and ratio: medians of rounds; MB: peak resident memory\n',
  );
  console.log(table(rows, [1, 2, 3, 4, 5, 6]));
} finally {
  rmSync(folder, { recursive: true });
}
