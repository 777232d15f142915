import { Flags } from '@oclif/core';
import { withMlflow } from '../api/mlflow.js';
import { newRunConfig, newRunPath } from '../api/new-run.js';
import { openResumed } from '../api/open-resumed.js';
import { joinTrainingOf, resumeTraining, train } from '../api/train.js';
import type { TrainingEvents } from '../api/train-run.js';
import { withoutUndefined } from '../base/without-undefined.js';
import { bytesFlag } from '../cli/bytes-flag.js';
import { clusterFlags } from '../cli/cluster-flags.js';
import { configFlags } from '../cli/config-flags.js';
import { dataFlags } from '../cli/data-flags.js';
import { interruptible } from '../cli/interruption.js';
import { newRunFlags, newRunOptions } from '../cli/new-run-flags.js';
import { pytorchFlags, pytorchOptions } from '../cli/pytorch-flags.js';
import { withTrainingDisplay } from '../cli/with-training-display.js';
import { readRecipe } from '../run/recipes.js';
import { clusterJobFile } from '../train/pytorch/cluster/cluster-job-file.js';
import { LcdnnCommand } from './base-command.js';

export default class Train extends LcdnnCommand {
  static override summary = 'Train a joint network: full branch and binary branch on one shared first convolution.';
  static override description =
    'Writes a run directory with config, network, checkpoint (after every epoch, and every ten minutes), metrics and a report. ' +
    'Ctrl-C saves a checkpoint and exits with 130. --resume continues with the same result, bit for bit, as without the interruption. ' +
    'Engine pytorch trains in your own Python, on GPUs and clusters; later steps do not need Python.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> --out runs/sample',
    '<%= config.bin %> <%= command.id %> --dataset mnist --data-dir ~/data/mnist --epochs 20 --out runs/mnist',
    '<%= config.bin %> <%= command.id %> --recipe lenet-mnist --seed 2 --out runs/seed-2',
    '<%= config.bin %> <%= command.id %> --resume runs/mnist',
    '<%= config.bin %> <%= command.id %> --recipe resnet18-cifar10 --engine pytorch --device cuda --precision bfloat16',
    '<%= config.bin %> <%= command.id %> --recipe resnet18-imagenet --engine pytorch --device cuda --nodes 2 --processes 8 --out runs/r18 --emit slurm > r18.sh',
  ];

  static override flags = {
    ...configFlags(),
    ...newRunFlags,
    budget: bytesFlag('Largest page, for --attach auto: 400000, 400KB, 1.5MB. [default: 400KB]'),
    loaders: Flags.integer({
      summary:
        'Number of threads that load images ahead of training; 0 loads them in the training thread. Image files are ' +
        'decoded 4 at a time, or UV_THREADPOOL_SIZE at a time. [default: chosen to suit the data]',
      min: 0,
      max: 64,
    }),
    ...pytorchFlags,
    ...clusterFlags,
    'accept-changed-data': dataFlags['accept-changed-data'],
    mlflow: Flags.string({
      summary: 'Address of an MLflow tracking server that gets options and metrics of every epoch.',
    }),
    resume: Flags.directory({
      summary:
        'Run directory to continue. Its own options apply. A recipe may add stages to those so far, or change those to come.',
      aliases: ['continue'],
      exclusive: ['out', 'preprocessing'],
    }),
  };

  async run(): Promise<unknown> {
    const { flags } = await this.parse(Train);
    const given = newRunOptions(flags);
    const ofRecipe = flags.resume && given.recipe ? readRecipe(given.recipe).options : {};
    const resumedOptions = { ...ofRecipe, ...withoutUndefined(given.options) };
    const resumed = flags.resume === undefined ? undefined : openResumed(flags.resume, resumedOptions);
    const config = resumed?.config ?? newRunConfig(given);
    const path = resumed?.path ?? newRunPath(given, config);
    const pytorch = pytorchOptions(flags, config.engine);
    if (flags.emit) {
      const options = { ...given.options, dataDir: given.dataDir };
      const file = clusterJobFile(flags.emit, { ...flags, config, given: options, out: path });
      this.log(file.trimEnd());
      return { [flags.emit]: file };
    }
    if (pytorch.nodeRank) {
      await interruptible(this, ({ listen }) => {
        listen();
        return joinTrainingOf(path, config, pytorch);
      });
      return { run: path };
    }
    const { interrupted: _, ...result } = await withTrainingDisplay(this, async (shown) => {
      const options = {
        ...{ ...given, ...shown, pytorch, loaders: flags.loaders, budget: flags.budget },
        acceptChangedData: flags['accept-changed-data'],
      };
      const start = (onEpoch: TrainingEvents['onEpoch']) =>
        flags.resume === undefined
          ? train({ ...options, onEpoch })
          : resumeTraining(flags.resume, { ...options, options: resumedOptions, onEpoch });
      return withMlflow(flags.mlflow, { name: path, config, onNote: shown.onNote, onEpoch: shown.onEpoch }, start);
    });
    this.log(`done: ${result.run}; next: ${this.config.bin} tune-tau ${result.run}`);
    return result;
  }
}
