import { basename, join, resolve } from 'node:path';
import { Args, Flags } from '@oclif/core';
import { percent, wholeNumber } from '../base/format.js';
import { numberFlag } from '../cli/number-flag.js';
import { readDataRecord } from '../run/data-record.js';
import { openRun, runExists } from '../run/run-directory.js';
import { samplesToProve } from '../tau/binomial.js';
import { LcdnnCommand } from './base-command.js';

/** Heads that are trained to tune a threshold on few photographs. */
const FOLDS = 5;

export default class Learn extends LcdnnCommand {
  static override summary = 'From a folder of photographs to a web page: check, train, tune, evaluate, export.';
  static override description =
    'The folder holds a subfolder of photographs for each class. Each step is a command of its own and is printed, so that ' +
    'you can repeat it with other options. A training that was interrupted goes on when you run the same command again. ' +
    'Nothing is downloaded, and no photograph leaves this machine. docs/train/photos.md walks through it.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> photos/',
    '<%= config.bin %> <%= command.id %> photos/ --out flowers --seed 2',
  ];
  // The steps print their own results; each of them has --json.
  static override enableJsonFlag = false;
  static override args = {
    photos: Args.directory({
      description: 'Folder with a subfolder per class.',
      required: true,
      exists: true,
      ignoreStdin: true,
    }),
  };
  static override flags = {
    out: Flags.string({
      summary: 'Folder for the run and the page. [default: learned/ and the name of the photo folder]',
    }),
    seed: Flags.integer({ summary: 'Seed of all randomness.', default: 1, min: 0 }),
    epsilon: numberFlag(
      'Share of photographs that may exit early with a wrong answer the full network would have avoided. [default: 0.01]',
    ),
    delta: numberFlag('Probability that the share may exceed epsilon. [default: 0.1]'),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Learn);
    const { epsilon = 0.01, delta = 0.1 } = flags;
    const photos = args.photos;
    const out = flags.out ?? join('learned', basename(resolve(photos)));
    const [run, page] = [join(out, 'run'), join(out, 'page')];
    const seed = String(flags.seed);

    await this.step('data:check', [photos, '--seed', seed]);
    if (runExists(run)) await this.step('train', ['--resume', run]);
    else {
      const data = ['--dataset', 'folder', '--data-dir', photos];
      await this.step('train', ['--recipe', 'photos', ...data, '--seed', seed, '--out', run]);
    }
    const { images } = readDataRecord(openRun(run))!;
    const needed = samplesToProve(epsilon, delta);
    const limits = ['--objective', 'risk', '--epsilon', String(epsilon), '--delta', String(delta)];
    const few = images.validation < needed;
    await this.step('tune-tau', [run, ...limits, ...(few ? ['--cross-fit', String(FOLDS)] : [])]);
    this.log(few ? whatMoreWouldBuy(images, needed, epsilon, delta) : '');
    await this.step('evaluate', [run]);
    await this.step('export', [run, '--target', 'web', '--out', page]);
    this.log(`\nNow run this, and open the address that it prints:\n  ${this.config.bin} serve ${page}`);
  }

  /** Prints a command and runs it. */
  private step(id: string, argv: string[]): Promise<unknown> {
    const shown = argv.map((word) => (/[^\w@%+=:,./-]/.test(word) ? `'${word.replaceAll("'", "'\\''")}'` : word));
    this.log(`\n$ ${this.config.bin} ${[id.replaceAll(':', ' '), ...shown].join(' ')}`);
    return this.config.runCommand(id, argv);
  }
}

/** What the validation photographs alone would prove, and how many photographs would prove epsilon. */
function whatMoreWouldBuy(
  images: { readonly train: number; readonly validation: number },
  needed: number,
  epsilon: number,
  delta: number,
): string {
  const { train, validation } = images;
  const total = Math.ceil(((train + validation) * needed) / validation);
  return (
    `${wholeNumber(validation)} photographs were kept for validation. They could prove at most that ` +
    `${percent(1 - delta ** (1 / validation))} of all photographs exit early wrongly (confidence ${percent(1 - delta)}), so the ` +
    `threshold above is an estimate from all of them. Proving ${percent(epsilon)} takes ${wholeNumber(needed)} for ` +
    `validation: about ${wholeNumber(total)} photographs besides those for testing.`
  );
}
