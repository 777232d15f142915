import { Args, Flags } from '@oclif/core';
import { type ImportResult, importNetwork } from '../api/import-network.js';
import { percent, wholeNumber } from '../base/format.js';
import { configFlags } from '../cli/config-flags.js';
import { withDataProgress } from '../cli/data-progress.js';
import { newRunFlags, newRunOptions } from '../cli/new-run-flags.js';
import { warmStartLines } from '../cli/warm-start-lines.js';
import { optionNames } from '../run/options.js';
import { LcdnnCommand } from './base-command.js';

export default class Import extends LcdnnCommand {
  static override summary = 'Make a run from a trained full-precision network, to train a binary branch on it.';
  static override description =
    'Reads .safetensors (state dicts of torchvision, timm and others, checkpoints of lcdnn) or .onnx. Without --network, the ' +
    'network is what the graph of an .onnx file says; with it, the file only gives the weights. Lists the layers that ' +
    'were taken, are missing, or are left over in the file, and measures how many validation images the network classifies ' +
    'correctly. "train --resume" then trains the branch alone, or both with --no-freeze-full. Images must be normalised as ' +
    'in the training of the network; the data set decides that.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> resnet18.safetensors --network resnet18 --dataset imagenet --data-dir ~/imagenet --out runs/mine',
    '<%= config.bin %> <%= command.id %> mine.onnx --dataset folder --data-dir ~/photos --out runs/mine',
    '<%= config.bin %> <%= command.id %> resnet18.onnx --recipe resnet18-cifar10 --epochs 60 --out runs/mine',
    '<%= config.bin %> train --resume runs/mine',
  ];
  static override args = {
    file: Args.string({ required: true, description: 'Trained network: .safetensors or .onnx.' }),
  };
  static override flags = {
    ...configFlags(optionNames.filter((name) => name !== 'initFrom' && name !== 'freezeFull')),
    'freeze-full': Flags.boolean({
      summary: 'Train the binary branch alone and keep the full network, conv1 included, as it is. [default: on]',
      helpGroup: 'TRAINING',
      allowNo: true,
      default: true,
    }),
    ...newRunFlags,
  };

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(Import);
    const imported = await withDataProgress(({ onProgress, onNote }) =>
      importNetwork(args.file, { ...newRunOptions(flags), onProgress, onNote }),
    );
    const { run, config, warmStart, check, readAs, validation } = imported;
    this.log(warmStartLines(args.file, warmStart).join('\n'));
    this.log(readAsLine(config, readAs));
    if (check) {
      this.log(
        `ONNX Runtime computes the same ${check.compared} from the file on ${check.images} images (difference ${check.difference.toPrecision(2)})`,
      );
    }
    this.log(
      `the full branch classifies ${percent(validation.fullAccuracy)} of ${wholeNumber(validation.images)} validation images correctly`,
    );
    this.log(`done: ${run}; next: ${this.config.bin} train --resume ${run}`);
    return imported;
  }
}

/** Which network the file holds, and where the branch is attached. */
function readAsLine({ network, attach }: ImportResult['config'], readAs: ImportResult['readAs']): string {
  if (readAs.by === 'name') {
    const like = readAs.form === 'small' ? 'as for CIFAR, little is subsampled at first' : 'as for ImageNet';
    return `${network} in its ${readAs.form} form (--form): ${like}`;
  }
  return `${network} as its graph says; the branch is attached behind ${attach} (--attach: ${readAs.attachments.join(', ')})`;
}
