import { Args, Flags } from '@oclif/core';
import { openTrained } from '../api/open-trained.js';
import { oneOrList, withExits } from '../base/exits.js';
import { percent, table } from '../base/format.js';
import { branchName } from '../network/branch-name.js';
import { writeReport } from '../report/write-report.js';
import { dataTitle } from '../run/config.js';
import { readTaus, type Tested, writeResult } from '../run/results.js';
import { collaborativeExits } from '../tau/exits.js';
import { count, outcomesFromLogits } from '../tau/outcomes.js';
import { LcdnnCommand } from './base-command.js';

export default class Evaluate extends LcdnnCommand {
  static override summary =
    'Accuracy of a run on the test split: full branch, binary branch (or branches), and all together.';
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
    const exits = outcomesFromLogits(logits, logits.labels, logits.classes);
    const samples = dataset.test.count;
    const taus = readTaus(run);
    const together = taus && collaborativeExits(exits, taus);
    const branches = exits.map(({ branchRight }) => ({ branch: { accuracy: count(branchRight) / samples } }));
    const result: Tested = {
      full: { accuracy: count(exits[0].fullRight) / samples },
      ...withExits(branches),
      collaborative: taus && together ? { ...together, tau: oneOrList(taus) } : null,
      samples,
    };
    const isAlone = run.network.branch.length === 0;
    const rows = [
      ['', 'accuracy', 'exits'],
      [isAlone ? 'network' : 'full branch', percent(result.full.accuracy), ''],
      ...(isAlone ? [] : branches).map(({ branch }, i) => {
        const share = together?.exitRatios?.[i];
        return [branchName(run.network, i), percent(branch.accuracy), share === undefined ? '' : percent(share)];
      }),
    ];
    if (taus && together) {
      const shown = taus.map((tau) => tau.toFixed(5)).join(', ');
      rows.push([`collaborative (tau ${shown})`, percent(together.accuracy), percent(together.exitRatio)]);
    }
    writeResult(run, 'test', result);
    writeReport(run);
    this.log(`${dataTitle(run.config)}, test split, ${samples} images\n${table(rows, [1, 2])}`);
    if (!result.collaborative && !isAlone) this.log(`no tau yet: ${this.config.bin} tune-tau ${args.run}`);
    return result;
  }
}
