// npx tsx benchmarks/train/ratios.ts --python PYTHON - what a branch costs in engine pytorch: steps of the joint network, and
// of its branch on the frozen full network, against those of the full network alone, in alternation.
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { integer, random } from '../../src/base/random.js';
import { median } from '../../src/base/statistics.js';
import type { Dataset } from '../../src/datasets/dataset.js';
import { writeCheckpoint } from '../../src/run/checkpoint.js';
import { type Config, resolveConfig } from '../../src/run/config.js';
import { createRun, networkOf, runFile } from '../../src/run/run-directory.js';
import { trainingStages } from '../../src/run/stages.js';
import { initialParameters, initialSlots } from '../../src/train/initial-state.js';
import { chosenPrecision, writeJob } from '../../src/train/pytorch/job.js';
import { epochStart } from '../../src/train/reports.js';
import { contestant, enginePytorch } from './contestant.js';

const { values: options } = parseArgs({
  options: {
    network: { type: 'string', default: 'resnet18' },
    python: { type: 'string', default: '/usr/bin/python3' },
    batch: { type: 'string', default: '128' },
    threads: { type: 'string', default: String(availableParallelism()) },
    rounds: { type: 'string', default: '5' },
    compile: { type: 'string', default: 'on' },
    precision: { type: 'string', default: 'float32' },
  },
});
const WARM_STEPS = 2;
const SHAPE = [32, 32, 3] as const;
const STAGES = ['full', 'both', 'branch'] as const;

/** Random images, a batch for every step. */
function randomImages(batchSize: number): Dataset {
  const count = batchSize * (Number(options.rounds) + WARM_STEPS) + 10;
  const next = random(1);
  const bytes = Uint8Array.from({ length: count * 32 * 32 * 3 }, () => integer(next, 256));
  const labels = Uint16Array.from({ length: count }, () => integer(next, 10));
  const split = { count, pixels: { in: 'memory', bytes }, labels } as const;
  const names = Array.from({ length: 10 }, (_, i) => `class ${i}`);
  const about = { name: 'random', labels: names, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };
  return { ...about, shape: SHAPE, stored: SHAPE, train: split, test: split };
}

/** A job that trains these parts; its folder. */
function writeTrainingJob(trains: (typeof STAGES)[number], folder: string): string {
  const batchSize = Number(options.batch);
  const { network: name, compile, precision } = options as unknown as Pick<Config, 'network' | 'compile' | 'precision'>;
  const sgd = { optimizer: 'nesterov', distillation: 1 } as const;
  const given = { network: name, batchSize, validation: 10, epochs: 1, flip: true, shift: 4, compile, ...sgd };
  const config = resolveConfig({ ...given, precision, stages: [{ trains }] });
  const run = createRun(join(folder, trains), config, networkOf(config, SHAPE, 10));
  const [stage] = trainingStages(run);
  const parameters = initialParameters(run.network, 1);
  const state = { ...parameters, ...initialSlots(parameters, stage.network, stage.config) };
  writeCheckpoint(runFile(run, 'checkpoint'), { progress: epochStart(0, 0, 0), state });
  const job = writeJob(stage, randomImages(batchSize), 'cpu', chosenPrecision(precision));
  job.writePlan(0);
  return job.folder;
}

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-ratios-'));
try {
  const all = STAGES.map((trains) =>
    contestant(options.python, [enginePytorch, writeTrainingJob(trains, folder), options.batch, options.threads]),
  );
  for (const one of all) await one.round(WARM_STEPS);
  const rounds: (readonly [wall: number, cpu: number])[][] = STAGES.map(() => []);
  for (let i = 0; i < Number(options.rounds); i++) {
    for (const [k, one] of all.entries()) {
      const { rate, cpuRate } = await one.round(1);
      rounds[k].push([rate, cpuRate]);
    }
  }
  for (const one of all) one.end();
  console.log(
    `${options.network}, batch ${options.batch}, compile ${options.compile}, ${options.precision}, medians of rounds`,
  );
  STAGES.forEach((trains, k) => {
    const ratio = (of: 0 | 1): string => median(rounds[k].map((own, i) => own[of] / rounds[0][i][of])).toFixed(2);
    const rate = median(rounds[k].map(([wall]) => wall)).toFixed(1);
    console.log(`${trains.padEnd(6)} ${rate} images/s, ratio to full ${ratio(0)}, of CPU time ${ratio(1)}`);
  });
} finally {
  rmSync(folder, { recursive: true });
}
