import { Args } from '@oclif/core';
import { evaluate } from '../api/evaluate.js';
import { exitsOf } from '../base/exits.js';
import { percent, table } from '../base/format.js';
import { dataFlags, dataOptions } from '../cli/data-flags.js';
import { withDataProgress } from '../cli/data-progress.js';
import { branchName } from '../network/branch-name.js';
import { dataTitle } from '../run/config.js';
import type { Tested } from '../run/results.js';
import { openRun, type Run } from '../run/run-directory.js';
import { LcdnnCommand } from './base-command.js';

export default class Evaluate extends LcdnnCommand {
  static override summary =
    'Measure the accuracy of a run on the test split: full branch, each binary branch, and all together.';
  static override description =
    'Records the result as test.json in the run and shows it in report.html. The test split is never used to choose anything.';
  static override examples = ['<%= config.bin %> <%= command.id %> runs/mnist --json'];
  static override args = { run: Args.string({ required: true, description: 'Run directory.' }) };
  static override flags = {
    ...dataFlags,
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
    return result;
  }
}

function accuracyTable({ network }: Run, { collaborative, full, ...first }: Tested): string {
  const isAlone = network.branch.length === 0;
  const branches = isAlone ? [] : exitsOf<Pick<Tested, 'branch'>>(first);
  const rows = [
    ['', 'accuracy', 'exit early'],
    [isAlone ? 'network' : 'full branch', percent(full.accuracy), ''],
    ...branches.map(({ branch }, i) => {
      const share = collaborative?.exitRatios?.[i];
      return [branchName(network, i), percent(branch.accuracy), share === undefined ? '' : percent(share)];
    }),
  ];
  if (collaborative) {
    const { tau, accuracy, exitRatio } = collaborative;
    const shown = [tau].flat().map((value) => value.toFixed(5));
    rows.push([`collaborative (tau ${shown.join(', ')})`, percent(accuracy), percent(exitRatio)]);
  }
  return table(rows, [1, 2]);
}
