import { Args, Flags } from '@oclif/core';
import { checkData } from '../../api/check-data.js';
import { UserError } from '../../base/errors.js';
import { withDataProgress } from '../../cli/data-progress.js';
import { dataReportText } from '../../cli/data-report.js';
import { gateReportFlags, reportGates } from '../../cli/gate-flags.js';
import { numberFlag } from '../../cli/number-flag.js';
import type { DataReport } from '../../datasets/inspect/report.js';
import { type DataProblem, dataGates, dataProblems } from '../../gates/data-gates.js';
import type { Gate } from '../../gates/gate.js';
import { LcdnnCommand } from '../base-command.js';

export default class DataCheck extends LcdnnCommand {
  static override summary = 'Check a folder of images, or a data set, before training on it.';
  static override description =
    'Counts images per class and split, and reports sizes, broken and ignored files, exact copies and images that look ' +
    'alike (also between splits, and in two classes), imbalance, and classes too small to prove anything about. Each ' +
    'finding comes with advice; docs/train/data.md explains them.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> photos/',
    '<%= config.bin %> <%= command.id %> cifar-10 --data-dir ~/data --json',
    '<%= config.bin %> <%= command.id %> photos/ --fail-on leakage,broken --junit data.xml',
  ];
  static override args = {
    data: Args.string({ description: 'Folder of images, or name of a data set.', required: true, ignoreStdin: true }),
  };
  static override flags = {
    'data-dir': Flags.directory({ summary: 'Folder with the files of the data set that is named.' }),
    'image-size': Flags.integer({
      summary: "Height and width of a network's input; smaller images are reported. [default: 224]",
      min: 8,
      max: 1024,
    }),
    classes: Flags.string({
      summary: 'Classes of the folder: the first so many, "a,b" by name, or a list file. [default: all]',
    }),
    validation: numberFlag('Share (below 1) or number of training images kept for validation. [default: 0.1]'),
    seed: Flags.integer({ summary: 'Seed of the split. [default: 1]', min: 0 }),
    'fail-on': Flags.custom<DataProblem[]>({
      summary: `Gate: problems that the data must not have, separated by commas: ${dataProblems.join(', ')}.`,
      helpGroup: 'GATES',
      parse: async (input) => input.split(',').map((name) => problemNamed(name.trim())),
    })(),
    ...gateReportFlags,
  };

  async run(): Promise<DataReport & { gates?: Gate[] }> {
    const { args, flags } = await this.parse(DataCheck);
    const { 'data-dir': dataDir, 'image-size': imageSize, classes, validation, seed } = flags;
    const report = await withDataProgress(({ onProgress }) =>
      checkData(args.data, { dataDir, imageSize, classes, validation, seed, onProgress }),
    );
    this.log(dataReportText(report));
    const gates = dataGates(report, flags['fail-on'] ?? []);
    reportGates(this, `Data ${args.data}`, gates, flags);
    return gates.length > 0 ? { ...report, gates } : report;
  }
}

function problemNamed(name: string): DataProblem {
  const problem = dataProblems.find((known) => known === name);
  if (problem) return problem;
  throw new UserError(`--fail-on: expected problems out of ${dataProblems.join(', ')}, found ${name}`);
}
