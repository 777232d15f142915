import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { Flags } from '@oclif/core';
import { UserError } from '../base/errors.js';
import { removeTemporaries } from '../base/files.js';
import { trainingBatches } from '../datasets/batches.js';
import type { Dataset } from '../datasets/dataset.js';
import { splitTrainValidation } from '../datasets/split.js';
import { writeReport } from '../report/write-report.js';
import type { Checkpoint } from '../run/checkpoint.js';
import { type Config, resolveConfig } from '../run/config.js';
import { readRecipe } from '../run/recipes.js';
import {
  createRun,
  networkOf,
  openRun,
  type Run,
  readMetrics,
  readRunCheckpoint,
  requireFitting,
  runFile,
} from '../run/run-directory.js';
import { configFlags, givenConfig } from '../terminal/config-flags.js';
import { loadRunDataset } from '../terminal/open-trained.js';
import { createTrainingDisplay } from '../terminal/training-display.js';
import { createEngine } from '../train/engines/index.js';
import { optimizerSlots } from '../train/step.js';
import { train } from '../train/train.js';
import { startState } from '../train/warm-start/warm-start.js';
import { LcdnnCommand } from './base-command.js';

export default class Train extends LcdnnCommand {
  static override summary = 'Train a joint network: the full branch and the binary branch on one first convolution.';
  static override description =
    'Writes a run directory: config, network, checkpoint (after every epoch), metrics and a report. ' +
    'Ctrl-C saves a checkpoint and exits with 130; --resume goes on to the same bits as a run that was never stopped.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> --out runs/sample',
    '<%= config.bin %> <%= command.id %> --dataset mnist --data-dir ~/data/mnist --epochs 20 --out runs/mnist',
    '<%= config.bin %> <%= command.id %> --recipe lenet-mnist --seed 2 --out runs/seed-2',
    '<%= config.bin %> <%= command.id %> --resume runs/mnist',
  ];

  static override flags = {
    ...configFlags(),
    'data-dir': Flags.directory({ summary: 'Folder that holds the files of the data set; the run remembers it.' }),
    out: Flags.string({
      summary: 'Run directory to create. [default: runs/NETWORK-DATASET-SEED]',
      exclusive: ['resume'],
    }),
    recipe: Flags.string({
      summary: 'Recipe by name ("lcdnn recipes"), or a JSON file with any of the options; flags go before it.',
      exclusive: ['resume'],
    }),
    resume: Flags.directory({ summary: 'Run directory to go on with; its config decides.', aliases: ['continue'] }),
  };

  async run(): Promise<unknown> {
    const { flags } = await this.parse(Train);
    const given = givenConfig(flags);
    const dataDir = flags['data-dir'] && resolve(flags['data-dir']);
    const display = createTrainingDisplay(this.jsonEnabled());
    const resumed = flags.resume === undefined ? undefined : openResumed(flags.resume, given);
    const config = resumed?.config ?? resolveConfig(recipeOptions(flags.recipe), given, { dataDir });
    const dataset = await loadRunDataset(config, flags['data-dir']);
    await requireBatch(config, dataset);
    if (resumed) requireFitting(resumed, dataset);
    const checkpoint = resumed && startedCheckpoint(resumed);
    const engine = await createEngine(config.engine);
    const path = flags.out ?? `runs/${config.network}-${config.dataset}-${config.seed}`;
    const network = resumed?.network ?? networkOf(config, dataset.shape, dataset.labels.length);
    const { state, warmStart } = checkpoint ? { state: undefined } : startState(config, network);
    const run = resumed ?? createRun(path, config, network);

    const interruption = new AbortController();
    let exitCode = 0;
    const interrupt = (signal: NodeJS.Signals): void => {
      if (interruption.signal.aborted) process.exit(exitCode); // asked twice: at once
      exitCode = signal === 'SIGINT' ? 130 : 143;
      interruption.abort();
    };
    process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
    display.start(run, checkpoint?.progress, warmStart);
    try {
      await train({
        run,
        dataset,
        engine,
        checkpoint,
        start: state,
        signal: interruption.signal,
        onStep: display.step,
        onEpoch: display.epoch,
      });
    } finally {
      display.stop();
      process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
      await engine.dispose();
    }
    writeReport(run);
    if (interruption.signal.aborted) this.exit(exitCode);
    const last = readMetrics(run).at(-1);
    this.log(`done: ${run.path}; next: ${this.config.bin} tune-tau ${run.path}`);
    return { run: run.path, checkpoint: runFile(run, 'checkpoint'), config, warmStart, validation: last };
  }
}

function recipeOptions(nameOrPath: string | undefined): Partial<Config> {
  return nameOrPath === undefined ? {} : readRecipe(nameOrPath).options;
}

/** Says what the data can't give before anything is written. */
async function requireBatch({ validation, batchSize, seed }: Config, dataset: Dataset): Promise<void> {
  const { train } = splitTrainValidation(dataset.train.labels, validation, seed);
  await trainingBatches(dataset, dataset.train, train, { batchSize, seed, epoch: 0 }).next();
}

/** Where a run stopped; nothing where it was killed before its first checkpoint, and starts again. */
function startedCheckpoint(run: Run): Checkpoint | undefined {
  removeTemporaries(run.path);
  if (!existsSync(runFile(run, 'checkpoint'))) return undefined;
  const checkpoint = readRunCheckpoint(run);
  for (const { name, parameter } of optimizerSlots(run.network, run.config.optimizer)) {
    if (checkpoint.state[name]?.shape.join() === parameter.shape.join()) continue;
    throw new UserError(
      `${runFile(run, 'checkpoint')}: expected ${name} of shape [${parameter.shape}] for ${run.config.optimizer}, ` +
        'found none; its config.json was changed, or it is a checkpoint of another run',
    );
  }
  return checkpoint;
}

/** A resumed run goes on under its own config: any other option would make it another run. */
function openResumed(path: string, given: Partial<Config>): Run {
  const run = openRun(path);
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined && value !== run.config[name as keyof Config]) {
      throw new UserError(
        `--resume ${path} goes on with ${name} ${run.config[name as keyof Config]}, found ${value}; ` +
          'leave the option out, or train anew with another --out',
      );
    }
  }
  return run;
}
