import { resolve } from 'node:path';
import { Args, Flags } from '@oclif/core';
import { writeFileAtomic } from '../base/files.js';
import { table } from '../base/format.js';
import { figuresOf } from '../baselines/results/figures.js';
import { PUBLISHED_POWERS, readPowers } from '../baselines/results/powers.js';
import { readSystemResults } from '../baselines/results/results.js';
import { numberFlag } from '../cli/number-flag.js';
import { systemCells } from '../report/system-cells.js';
import { systemPage } from '../report/system-page.js';
import { LcdnnCommand } from './base-command.js';

export default class Report extends LcdnnCommand {
  static override summary =
    'Draw the paper\'s Table 2 and Figs. 10 to 14 from what "bench system" measured, as one page.';
  static override description =
    'The page is one HTML file with its charts and loads nothing from a server. Energy is an estimate: measured times and ' +
    'bytes, times published powers of radios and a processor, or your own. --json prints the numbers of all figures.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> results.json --out report.html',
    '<%= config.bin %> <%= command.id %> lenet.json alexnet.json vgg16.json --out all.html',
    '<%= config.bin %> <%= command.id %> results.json --slowdown 1 --powers my-phone.json',
  ];
  /** Several files. */
  static override strict = false;
  static override args = {
    results: Args.string({
      required: true,
      description: 'File that "lcdnn bench system" wrote. Several files are shown together.',
    }),
  };
  static override flags = {
    out: Flags.string({ summary: 'File for the page.', default: 'report.html' }),
    powers: Flags.string({
      summary:
        'JSON file with your own powers. Anything it leaves out has the published value (docs/reproduce/energy.md).',
    }),
    slowdown: numberFlag(
      'Which of the measured processor slowdowns the figures show. [default: the largest, closest to a phone]',
    ),
  };

  async run(): Promise<unknown> {
    const { argv, flags } = await this.parse(Report);
    const powers = flags.powers === undefined ? PUBLISHED_POWERS : readPowers(flags.powers);
    const files = (argv as string[]).map((file) => ({ file, results: readSystemResults(file) }));
    const figures = figuresOf(files, powers, flags.slowdown);
    writeFileAtomic(flags.out, systemPage(figures));
    const { rows, right } = systemCells(figures);
    this.log('Mean latency with an empty cache; energy is an estimate.\n');
    this.log(table(rows, right));
    this.log(`\n${flags.out}`);
    return { out: resolve(flags.out), ...figures };
  }
}
