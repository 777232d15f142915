import { Args, Flags } from '@oclif/core';
import { loadRunDataset } from '../api/open-trained.js';
import { requireImages } from '../api/train-run.js';
import { percent, wholeNumber } from '../base/format.js';
import { configFlags } from '../cli/config-flags.js';
import { newRunConfig, newRunFlags, newRunPath } from '../cli/new-run-flags.js';
import { warmStartLines } from '../cli/warm-start-lines.js';
import { splitTrainValidation } from '../datasets/split.js';
import { writeCheckpoint } from '../run/checkpoint.js';
import { optionNames } from '../run/options.js';
import { createRun, networkOf, runFile } from '../run/run-directory.js';
import { countHits } from '../train/evaluate.js';
import { epochStart } from '../train/reports.js';
import { startState } from '../train/warm-start/warm-start.js';
import { withEvaluator } from '../train/with-evaluator.js';
import { LcdnnCommand } from './base-command.js';

/** So many validation images tell whether a network was read rightly. */
const MOST_CHECKED = 1000;

export default class Import extends LcdnnCommand {
  static override summary = 'Make a run of a trained full-precision network, for a binary branch to be trained on it.';
  static override description =
    'Reads .safetensors (state dicts of torchvision, timm and others, checkpoints of lcdnn) or .onnx, lists which layers ' +
    'it took, which are missing and which are left over, and says how much the network answers rightly. ' +
    '"train --resume" then trains the branch alone, or both with --no-freeze-full; images must be normalised as they ' +
    'were when the network was trained, which the data set decides.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> resnet18.safetensors --network resnet18 --dataset imagenet --data-dir ~/imagenet --out runs/mine',
    '<%= config.bin %> <%= command.id %> resnet18.onnx --recipe resnet18-cifar10 --epochs 60 --out runs/mine',
    '<%= config.bin %> train --resume runs/mine',
  ];
  static override args = {
    file: Args.string({ required: true, description: 'Trained network: .safetensors or .onnx.' }),
  };
  static override flags = {
    ...configFlags(optionNames.filter((name) => name !== 'initFrom' && name !== 'freezeFull')),
    'freeze-full': Flags.boolean({
      summary: 'Train the binary branch alone: the full network, conv1 with it, stays as it is. [default: on]',
      helpGroup: 'TRAINING',
      allowNo: true,
      default: true,
    }),
    ...newRunFlags,
  };

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(Import);
    const config = newRunConfig(flags, { initFrom: args.file });
    const dataset = await loadRunDataset(config, flags['data-dir']);
    requireImages(config, dataset);
    const network = networkOf(config, dataset.shape, dataset.labels.length);
    const { state, warmStart } = startState(config, network);
    const run = createRun(newRunPath(flags, config), config, network);
    writeCheckpoint(runFile(run, 'checkpoint'), { progress: epochStart(0, 0), state });
    this.log(warmStartLines(args.file, warmStart!).join('\n'));

    const { validation } = splitTrainValidation(dataset.train.labels, config.validation, config.seed);
    const checked = validation.subarray(0, MOST_CHECKED);
    const logits = await withEvaluator({ ...config, device: 'cpu' }, network, state, dataset, (evaluate) =>
      evaluate(dataset.train, checked),
    );
    const fullAccuracy = countHits(logits.full, logits.labels, logits.classes) / checked.length;
    this.log(
      `its full branch answers ${percent(fullAccuracy)} of ${wholeNumber(checked.length)} validation images rightly`,
    );
    this.log(`done: ${run.path}; next: ${this.config.bin} train --resume ${run.path}`);
    return { run: run.path, config, warmStart, validation: { images: checked.length, fullAccuracy } };
  }
}
