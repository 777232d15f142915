import { Args, Flags } from '@oclif/core';
import { writeReport } from '../report/write-report.js';
import { readResult, type Tested, writeResult } from '../run/results.js';
import { collaborative, count, outcomesFromLogits } from '../tau/outcomes.js';
import { percent, table } from '../terminal/format.js';
import { openTrained } from '../terminal/open-trained.js';
import { LcdnnCommand } from './base-command.js';

export default class Evaluate extends LcdnnCommand {
  static override summary = 'Accuracy of a run on the test split: full branch, binary branch, and both together.';
  static override description =
    'Records the result as test.json in the run and shows it in report.html. Nothing is ever chosen by this split.';
  static override examples = ['<%= config.bin %> <%= command.id %> runs/mnist --json'];
  static override args = { run: Args.string({ required: true, description: 'Run directory.' }) };
  static override flags = {
    'data-dir': Flags.directory({ summary: 'Folder that holds the files of the data set.' }),
  };

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(Evaluate);
    const { run, dataset, evaluate } = await openTrained(args.run, flags['data-dir']);
    const logits = await evaluate((logitsOf) => logitsOf(dataset.test));
    const outcomes = outcomesFromLogits(logits, logits.labels, logits.classes);
    const samples = dataset.test.count;
    const tau = readResult(run, 'tau')?.tau;
    const result: Tested = {
      full: { accuracy: count(outcomes.fullRight) / samples },
      branch: { accuracy: count(outcomes.branchRight) / samples },
      collaborative: tau === undefined ? null : { ...collaborative(outcomes, tau), tau },
      samples,
    };
    const rows = [
      ['', 'accuracy', 'exits'],
      ['full branch', percent(result.full.accuracy), ''],
      ['binary branch', percent(result.branch.accuracy), ''],
    ];
    if (result.collaborative) {
      const { accuracy, exitRatio } = result.collaborative;
      rows.push([`collaborative (tau ${result.collaborative.tau.toFixed(5)})`, percent(accuracy), percent(exitRatio)]);
    }
    writeResult(run, 'test', result);
    writeReport(run);
    this.log(`${run.config.dataset}, test split, ${samples} images\n${table(rows, [1, 2])}`);
    if (!result.collaborative) this.log(`no tau yet: ${this.config.bin} tune-tau ${args.run}`);
    return result;
  }
}
