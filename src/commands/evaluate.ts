import { Args, Flags } from '@oclif/core';
import { type AnswerComparison, compareAnswers, type RunPair } from '../api/compare-answers.js';
import { evaluate } from '../api/evaluate.js';
import { exitsOf } from '../base/exits.js';
import { percent, table, wholeNumber } from '../base/format.js';
import { dataFlags, dataOptions } from '../cli/data-flags.js';
import { withDataProgress } from '../cli/data-progress.js';
import { branchName } from '../network/branch-name.js';
import { dataTitle } from '../run/config.js';
import type { Statistics } from '../run/evaluation-details.js';
import type { Tested } from '../run/results.js';
import { openRun, type Run } from '../run/run-directory.js';
import { LcdnnCommand } from './base-command.js';

export default class Evaluate extends LcdnnCommand {
  static override summary =
    'Measure the accuracy of a run on the test split: full branch, each binary branch, and all together.';
  static override description =
    'Records the result as test.json in the run and shows it in report.html. The test split is never used to choose anything.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> runs/mnist --json',
    '<%= config.bin %> <%= command.id %> runs/mnist --against runs/mnist-wide',
  ];
  static override args = { run: Args.string({ required: true, description: 'Run directory.' }) };
  static override flags = {
    ...dataFlags,
    against: Flags.string({ summary: "Another run to compare with, on the same test images (McNemar's test)." }),
  };

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(Evaluate);
    const result = await withDataProgress(({ onProgress, onNote }) =>
      evaluate(args.run, { ...dataOptions(flags), onProgress, onNote }),
    );
    const run = openRun(args.run);
    this.log(`${dataTitle(run.config)}, test split, ${result.samples} images\n${accuracyTable(run, result)}`);
    if (!result.collaborative && run.network.branch.length > 0) {
      this.log(`no threshold yet; next: ${this.config.bin} tune-tau ${args.run}`);
    }
    if (flags.against === undefined) return result;
    const other = flags.against;
    const comparison = await withDataProgress(({ onProgress, onNote }) =>
      compareAnswers(args.run, other, { ...dataOptions(flags), onProgress, onNote }),
    );
    this.log(comparisonTable(args.run, other, comparison));
    return { ...result, against: comparison };
  }
}

function accuracyTable({ network }: Run, { collaborative, full, details, ...first }: Tested): string {
  const isAlone = network.branch.length === 0;
  const branches = isAlone ? [] : exitsOf<Pick<Tested, 'branch'>>(first);
  const rows = [
    ['', 'accuracy', '95 % interval', 'exit early'],
    [isAlone ? 'network' : 'full branch', percent(full.accuracy), interval(details?.full), ''],
    ...branches.map(({ branch }, i) => {
      const share = collaborative?.exitRatios?.[i];
      return [
        branchName(network, i),
        percent(branch.accuracy),
        interval(details?.branches[i]),
        share === undefined ? '' : percent(share),
      ];
    }),
  ];
  if (collaborative) {
    const { tau, accuracy, exitRatio } = collaborative;
    const shown = [tau].flat().map((value) => value.toFixed(5));
    rows.push([
      `collaborative (tau ${shown.join(', ')})`,
      percent(accuracy),
      interval(details?.collaborative),
      percent(exitRatio),
    ]);
  }
  return table(rows, [1, 2, 3]);
}

const interval = (statistics: Statistics | undefined): string =>
  statistics ? statistics.interval.map((end) => percent(end)).join(' to ') : '';

/** Who is right where, for two runs on the same images. */
function comparisonTable(first: string, second: string, { samples, full, collaborative }: AnswerComparison): string {
  const row = (name: string, { accuracies, bothRight, onlyFirst, onlySecond, bothWrong, pValue }: RunPair) => [
    name,
    ...accuracies.map((share) => percent(share)),
    ...[bothRight, onlyFirst, onlySecond, bothWrong].map(wholeNumber),
    pValue < 1e-4 ? '< 0.0001' : pValue.toFixed(4),
  ];
  const header = ['', 'A', 'B', 'both right', 'only A', 'only B', 'both wrong', 'p (McNemar)'];
  const rows = [header, row('full branch', full), ...(collaborative ? [row('collaborative', collaborative)] : [])];
  return `A: ${first}, B: ${second}, ${samples} images\n${table(rows, [1, 2, 3, 4, 5, 6, 7])}`;
}
