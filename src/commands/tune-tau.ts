import { Args, Flags } from '@oclif/core';
import { exitsOf } from '../base/exits.js';
import type { ExitResult } from '../tau/tune.js';
import { percent } from '../terminal/format.js';
import { numberFlag } from '../terminal/number-flag.js';
import { openTrained } from '../terminal/open-trained.js';
import { tuneRun } from '../terminal/tune-run.js';
import { LcdnnCommand } from './base-command.js';

export default class TuneTau extends LcdnnCommand {
  static override summary = 'Tune the exit threshold of a run, or those of several exits, on its validation images.';
  static override description =
    'Writes tau.json (threshold, accuracies, exit ratio, spread over folds, curve), tau.svg and tau.png into the run (tau2.svg, ... for further exits), and shows them in report.html.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> runs/mnist',
    '<%= config.bin %> <%= command.id %> runs/mnist --objective exits --epsilon 0.002',
    '<%= config.bin %> <%= command.id %> runs/mnist --method algorithm-2',
  ];
  static override args = { run: Args.string({ required: true, description: 'Run directory.' }) };
  static override flags = {
    'data-dir': Flags.directory({ summary: 'Folder that holds the files of the data set.' }),
    method: Flags.option({ summary: 'How to search. [default: exact]', options: ['exact', 'algorithm-2'] as const })(),
    objective: Flags.option({
      summary: 'What to search for. [default: risk; accuracy for algorithm-2]',
      options: ['risk', 'accuracy', 'exits', 'latency'] as const,
    })(),
    epsilon: numberFlag('Share of samples (risk) or accuracy (exits) that may be lost.'),
    delta: numberFlag('Probability that `risk` may break its epsilon. [default: 0.1]'),
    'device-ms': numberFlag('`latency`: time of the branch on the device.'),
    'edge-ms': numberFlag('`latency`: time of the edge, network included.'),
    'accuracy-floor': numberFlag('`latency`: least collaborative accuracy.'),
    folds: Flags.integer({ summary: 'Random folds for the spread. [default: 5]', min: 2, max: 1000 }),
  };

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(TuneTau);
    const result = await tuneRun(await openTrained(args.run, flags['data-dir']), {
      method: flags.method,
      objective: flags.objective,
      epsilon: flags.epsilon,
      delta: flags.delta,
      deviceMs: flags['device-ms'],
      edgeMs: flags['edge-ms'],
      accuracyFloor: flags['accuracy-floor'],
      folds: flags.folds,
    });
    const exits = exitsOf<ExitResult>(result);
    const { accuracy, exitRatio, exitRatios } = result.collaborative;
    const taus = exits.map(({ tau }) => tau.toFixed(5)).join(', ');
    const each = exitRatios ? ` (${exitRatios.map(percent).join(', ')})` : '';
    const branches = exits.map(({ branch }) => percent(branch.accuracy)).join(', ');
    this.log(
      `tau ${taus} (${result.method}, ${result.objective}) on ${result.samples} validation images: ` +
        `${percent(exitRatio)} exit${each}, collaborative ${percent(accuracy)}, ` +
        `full ${percent(result.full.accuracy)}, branch ${branches}`,
    );
    if (result.note) this.log(result.note);
    return result;
  }
}
