import { resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { Flags } from '@oclif/core';
import { UserError } from '../base/errors.js';
import { writeReport } from '../report/write-report.js';
import { type Config, resolveConfig } from '../run/config.js';
import { readRecipe } from '../run/recipes.js';
import { openRun, type Run, readMetrics, runFile } from '../run/run-directory.js';
import { withClassNames } from '../terminal/class-names.js';
import { configFlags, givenConfig } from '../terminal/config-flags.js';
import { trainRun } from '../terminal/train-run.js';
import { createTrainingDisplay } from '../terminal/training-display.js';
import { LcdnnCommand } from './base-command.js';

export default class Train extends LcdnnCommand {
  static override summary = 'Train a joint network: the full branch and the binary branch on one first convolution.';
  static override description =
    'Writes a run directory: config, network, checkpoint (after every epoch, and every ten minutes), metrics and a report. ' +
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
    out: Flags.string({ summary: 'Run directory to create. [default: runs/NETWORK-DATASET-SEED]' }),
    recipe: Flags.string({
      summary: 'Recipe by name ("lcdnn recipes"), or a JSON file with any of the options; flags override it.',
    }),
    loaders: Flags.integer({
      summary:
        'Threads that load images ahead of training; 0: training loads them. Files are decoded 4 at a time, or as ' +
        'UV_THREADPOOL_SIZE says. [default: what suits the data]',
      min: 0,
      max: 64,
    }),
    resume: Flags.directory({
      summary: 'Run directory to go on with; its config decides.',
      aliases: ['continue'],
      exclusive: ['out', 'recipe'],
    }),
  };

  async run(): Promise<unknown> {
    const { flags } = await this.parse(Train);
    const given = withClassNames(givenConfig(flags));
    const resumed = flags.resume === undefined ? undefined : openResumed(flags.resume, given);
    const config =
      resumed?.config ??
      resolveConfig(recipeOptions(flags.recipe), given, { dataDir: flags['data-dir'] && resolve(flags['data-dir']) });
    const { run, exitCode, warmStart } = await trainRun({
      path: flags.out ?? `runs/${config.network}-${config.dataset}-${config.seed}`,
      config,
      resumed,
      dataDir: flags['data-dir'],
      loaders: flags.loaders,
      display: createTrainingDisplay(this.jsonEnabled()),
    });
    writeReport(run);
    if (exitCode !== undefined) this.exit(exitCode);
    const last = readMetrics(run).at(-1);
    this.log(`done: ${run.path}; next: ${this.config.bin} tune-tau ${run.path}`);
    return { run: run.path, checkpoint: runFile(run, 'checkpoint'), config, warmStart, validation: last };
  }
}

function recipeOptions(nameOrPath: string | undefined): Partial<Config> {
  return nameOrPath === undefined ? {} : withClassNames(readRecipe(nameOrPath).options);
}

/** A resumed run goes on under its own config: any other option would make it another run. */
function openResumed(path: string, given: Partial<Config>): Run {
  const run = openRun(path);
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined && !isDeepStrictEqual(value, run.config[name as keyof Config])) {
      throw new UserError(
        `--resume ${path} goes on with ${name} ${run.config[name as keyof Config]}, found ${value}; ` +
          'leave the option out, or train anew with another --out',
      );
    }
  }
  return run;
}
