import { basename, join, resolve } from 'node:path';
import { Args, Flags } from '@oclif/core';
import { percent, wholeNumber } from '../base/format.js';
import { numberFlag } from '../cli/number-flag.js';
import { readDataRecord } from '../run/data-record.js';
import { openRun, runExists } from '../run/run-directory.js';
import { samplesToProve } from '../tau/binomial.js';
import type { TauResult } from '../tau/tune.js';
import { LcdnnCommand } from './base-command.js';

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
    const limits = ['--objective', 'risk', '--epsilon', String(epsilon), '--delta', String(delta)];
    const tuned = (await this.step('tune-tau', [run, ...limits])) as TauResult;
    this.log(this.whatMoreWouldBuy(run, tuned.samples, epsilon, delta));
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

  /** What the validation photographs prove, and how many photographs would prove epsilon. */
  private whatMoreWouldBuy(run: string, samples: number, epsilon: number, delta: number): string {
    const needed = samplesToProve(epsilon, delta);
    if (samples >= needed)
      return `${wholeNumber(samples)} validation photographs are enough to prove ${percent(epsilon)}.`;
    const record = readDataRecord(openRun(run));
    const total = record ? record.images.train + record.images.validation : samples;
    const proved = 1 - delta ** (1 / samples);
    return (
      `With ${wholeNumber(samples)} validation photographs and no wrong early exit among them, at most ${percent(proved)} of ` +
      `all photographs exit early wrongly (confidence ${percent(1 - delta)}). To prove ${percent(epsilon)} takes ` +
      `${wholeNumber(needed)} of them: about ${wholeNumber(Math.ceil((total * needed) / samples))} photographs besides the ` +
      'test split, of the same kinds.'
    );
  }
}
