import { resolve } from 'node:path';
import { Args, Flags } from '@oclif/core';
import { trainRun } from '../../api/train-run.js';
import { baselineConfig, TRAINED_BASELINES } from '../../baselines/approaches/training.js';
import { configFlags, givenConfig } from '../../cli/config-flags.js';
import { pythonFlag } from '../../cli/python-flag.js';
import { createTrainingDisplay } from '../../cli/training-display.js';
import { writeReport } from '../../report/write-report.js';
import { resolveConfig } from '../../run/config.js';
import { OPTIONS, type OptionName, optionNames } from '../../run/options.js';
import { openRun, readMetrics } from '../../run/run-directory.js';
import { LcdnnCommand } from '../base-command.js';

/** What makes the baseline what it is, and what the data are, follow from its name and the run; no layer is binary. */
const FIXED: readonly OptionName[] = [
  ...(['network', 'branch', 'teacher', 'freezeFull', 'floatWeights'] as const),
  ...(['dataset', 'imageSize', 'resize', 'classes', 'strict'] as const),
  ...optionNames.filter((name) => 'group' in OPTIONS[name] && OPTIONS[name].group === 'BINARY LAYERS'),
];

export default class BaselineTrain extends LcdnnCommand {
  static override summary = 'Train a network that a run is compared with, on the same data with the same options.';
  static override description =
    'edgent: the same full network with early exits in float; mobilenet-v2; student: the same network, narrower, distilled ' +
    "from the run's full network, of at most twice the run's download. Options are the run's, but for what makes the baseline. " +
    'Writes a run directory, for "train --resume", "tune-tau" and "evaluate".';
  static override examples = [
    '<%= config.bin %> <%= command.id %> edgent runs/mnist --out runs/mnist-edgent',
    '<%= config.bin %> <%= command.id %> edgent runs/mnist --attach conv1 --epochs 3',
    '<%= config.bin %> <%= command.id %> student runs/mnist --width 0.25',
  ];
  static override args = {
    name: Args.string({
      required: true,
      options: [...TRAINED_BASELINES],
      description: 'Baseline.',
    }),
    run: Args.string({ required: true, description: 'Trained run that it is compared with.' }),
  };
  static override flags = {
    ...configFlags(
      optionNames.filter((name) => !FIXED.includes(name)),
      'as the baseline or the run has it',
    ),
    python: pythonFlag,
    'data-dir': Flags.directory({ summary: 'Folder that holds the files of the data set; the run remembers it.' }),
    out: Flags.string({ summary: 'Run directory to create. [default: RUN-NAME]' }),
  };

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(BaselineTrain);
    const compared = openRun(args.run);
    const name = TRAINED_BASELINES.find((known) => known === args.name)!;
    const dataDir = flags['data-dir'] && resolve(flags['data-dir']);
    const config = resolveConfig(baselineConfig(name, compared), givenConfig(flags), { dataDir });
    const { run, exitCode } = await trainRun({
      path: flags.out ?? `${compared.path}-${name}`,
      config,
      pytorch: { python: flags.python },
      display: createTrainingDisplay(this.jsonEnabled()),
    });
    writeReport(run);
    if (exitCode !== undefined) this.exit(exitCode);
    this.log(`done: ${run.path}; next: ${this.config.bin} evaluate ${run.path}`);
    return { run: run.path, config: run.config, validation: readMetrics(run).at(-1) };
  }
}
