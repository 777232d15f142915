import { Args, Flags } from '@oclif/core';
import { type AnswerComparison, compareAnswers, type RunPair } from '../api/compare-answers.js';
import { evaluate } from '../api/evaluate.js';
import { evaluateUnknown, type UnknownAnswers } from '../api/evaluate-unknown.js';
import { percent, table, wholeNumber } from '../base/format.js';
import { dataFlags, dataOptions } from '../cli/data-flags.js';
import { withDataProgress } from '../cli/data-progress.js';
import { evaluationText } from '../cli/evaluation-text.js';
import { gateReportFlags, namedSharesFlag, reportGates, requireGateFlag, sharesByName } from '../cli/gate-flags.js';
import { numberFlag } from '../cli/number-flag.js';
import { evaluationGates, hasLimits, requireLimits } from '../gates/evaluation-gates.js';
import { openRun } from '../run/run-directory.js';
import { LcdnnCommand } from './base-command.js';

export default class Evaluate extends LcdnnCommand {
  static override summary =
    'Measure the accuracy of a run on the test split: full branch, each binary branch, and all together.';
  static override description =
    'Records the result as test.json in the run and shows it in report.html. The test split is never used to choose anything. ' +
    'Limits (gates) make the command exit with 3 if the run misses one: for pipelines.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> runs/mnist --json',
    '<%= config.bin %> <%= command.id %> runs/mnist --against runs/mnist-wide',
    '<%= config.bin %> <%= command.id %> runs/mnist --min-accuracy both=0.98 --min-exits 0.5 --max-harm 0.01 --confident',
    '<%= config.bin %> <%= command.id %> runs/mnist --against runs/released --max-drop 0.002 --junit gates.xml',
    '<%= config.bin %> <%= command.id %> runs/flowers --unknown photos-without-flowers',
  ];
  static override args = { run: Args.string({ required: true, description: 'Run directory.' }) };
  static override flags = {
    ...dataFlags,
    unknown: Flags.directory({
      summary: 'Folder of images that belong to no class: how many of them exit early, and with which answers.',
      exists: true,
    }),
    against: Flags.string({ summary: "Another run to compare with, on the same test images (McNemar's test)." }),
    'min-accuracy': namedSharesFlag(
      'Gate: lowest accuracy of full, branch (branch2, ... with several exits) or both, as both=0.98. Repeatable.',
    ),
    'min-exits': numberFlag('Gate: lowest share of images that exit early.', { helpGroup: 'GATES' }),
    'max-harm': numberFlag(
      'Gate: highest share of images that exit early with a wrong answer although the full branch is right.',
      { helpGroup: 'GATES' },
    ),
    'max-drop': namedSharesFlag(
      'Gate: largest loss of accuracy against --against, as 0.002 (both) or full=0.002. Repeatable.',
      'both',
    ),
    confident: Flags.boolean({
      summary: 'Gates compare the worse end of the 95 % interval with the limit, instead of the measured value.',
      helpGroup: 'GATES',
    }),
    ...gateReportFlags,
  };

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(Evaluate);
    const { against: other, unknown: folder, 'max-drop': maxDrop } = flags;
    const limits = {
      minAccuracy: sharesByName(flags['min-accuracy']),
      minExits: flags['min-exits'],
      maxHarm: flags['max-harm'],
      maxDrop: sharesByName(maxDrop),
      confident: flags.confident,
    };
    requireLimits(limits, other);
    requireGateFlag(flags, hasLimits(limits));
    const result = await withDataProgress(({ onProgress, onNote }) =>
      evaluate(args.run, { ...dataOptions(flags), onProgress, onNote }),
    );
    const run = openRun(args.run);
    this.log(evaluationText(run, result));
    if (!result.collaborative && run.network.branch.length > 0) {
      this.log(`no threshold yet; next: ${this.config.bin} tune-tau ${args.run}`);
    }
    const against =
      other === undefined
        ? undefined
        : await withDataProgress(({ onProgress, onNote }) =>
            compareAnswers(args.run, other, { ...dataOptions(flags), onProgress, onNote }),
          );
    if (other !== undefined && against) this.log(comparisonTable(args.run, other, against));
    const unknown =
      folder === undefined
        ? undefined
        : await withDataProgress(({ onProgress, onNote }) =>
            evaluateUnknown(args.run, folder, { ...dataOptions(flags), onProgress, onNote }),
          );
    if (unknown) this.log(unknownText(unknown));
    const gates = evaluationGates(run.network, result, limits, against);
    reportGates(this, `Evaluation of ${args.run}`, gates, flags);
    return {
      ...result,
      ...(against ? { against } : {}),
      ...(unknown ? { unknown } : {}),
      ...(gates.length > 0 ? { gates } : {}),
    };
  }
}

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

/** What the run answers to images of no class. */
function unknownText(unknown: UnknownAnswers): string {
  const { folder, images, skipped, exits, exitRatio, testExitRatio, answers, scores, surest } = unknown;
  const share = (value: number | null): string => (value === null ? '' : percent(value));
  const rows = scores.map(({ score, area, areaAmongEarly, unknownPassing }) => [
    score,
    area.toFixed(4),
    areaAmongEarly === null ? '' : areaAmongEarly.toFixed(4),
    share(unknownPassing),
  ]);
  const header = ['score of the first exit', 'area under ROC', 'among early exits', 'unknown that pass'];
  return [
    `${folder}: ${images} images of no class${skipped.length > 0 ? `, ${skipped.length} skipped` : ''}; ` +
      `${exits} (${percent(exitRatio)}) exit early with a wrong answer (of the test images ${percent(testExitRatio)} exit early)`,
    ...(answers.length > 0
      ? [`answers: ${answers.map(({ name, exits: count }) => `${name} ${count}`).join(', ')}`]
      : []),
    ...surest.map(({ file, answer, entropy }) => `surest: ${file}: ${answer} (entropy ${entropy.toFixed(5)})`),
    table([header, ...rows], [1, 2, 3]),
    'area under ROC: how well the score separates test images from unknown ones (0.5: not at all); "unknown that pass": ' +
      'share of unknown early exits that a second threshold would let pass if 95 % of the test images that exit early pass',
  ].join('\n');
}
