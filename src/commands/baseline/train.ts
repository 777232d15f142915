import { Args, Flags } from '@oclif/core';
import { trainBaseline } from '../../api/train-baseline.js';
import { TRAINED_BASELINES } from '../../baselines/approaches/training.js';
import { configFlags, givenConfig } from '../../cli/config-flags.js';
import { pythonFlag } from '../../cli/pytorch-flags.js';
import { withTrainingDisplay } from '../../cli/with-training-display.js';
import { OPTIONS, type OptionName, optionNames } from '../../run/options.js';
import { LcdnnCommand } from '../base-command.js';

/** Options that follow from the baseline and from the run's data. No layer of a baseline is binary. */
const FIXED: readonly OptionName[] = [
  ...(['network', 'branch', 'teacher', 'freezeFull', 'floatWeights'] as const),
  ...(['dataset', 'imageSize', 'resize', 'classes', 'strict'] as const),
  ...optionNames.filter((name) => 'group' in OPTIONS[name] && OPTIONS[name].group === 'BINARY LAYERS'),
];

export default class BaselineTrain extends LcdnnCommand {
  static override summary = 'Train a network to compare a run with, on the same data and with the same options.';
  static override description =
    'edgent: the same full network with early exits in float. mobilenet-v2: that network. student: the same network, ' +
    "narrower and distilled from the run's full network, with at most twice the run's download. The run's options apply, " +
    'except those that define the baseline; if it was trained in stages, options apply to each of them. Writes a run directory for "train --resume", "tune-tau" and "evaluate".';
  static override examples = [
    '<%= config.bin %> <%= command.id %> edgent runs/mnist --out runs/mnist-edgent',
    '<%= config.bin %> <%= command.id %> edgent runs/mnist --attach conv1 --epochs 3',
    '<%= config.bin %> <%= command.id %> student runs/mnist --width 0.25',
  ];
  static override args = {
    name: Args.string({ required: true, options: [...TRAINED_BASELINES], description: 'Baseline.' }),
    run: Args.string({ required: true, description: 'Trained run to compare it with.' }),
  };
  static override flags = {
    ...configFlags(
      optionNames.filter((name) => !FIXED.includes(name)),
      'from the baseline or the run',
    ),
    python: pythonFlag,
    'data-dir': Flags.directory({ summary: 'Folder with the files of the data set. The run remembers it.' }),
    out: Flags.string({ summary: 'Run directory to create. [default: RUN-NAME]' }),
  };

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(BaselineTrain);
    const name = TRAINED_BASELINES.find((known) => known === args.name)!;
    const { out, python } = flags;
    const given = { out, dataDir: flags['data-dir'], options: givenConfig(flags), pytorch: { python } };
    const { run, config, validation } = await withTrainingDisplay(this, (shown) =>
      trainBaseline(name, args.run, { ...given, ...shown }),
    );
    this.log(`done: ${run}; next: ${this.config.bin} evaluate ${run}`);
    return { run, config, validation };
  }
}
