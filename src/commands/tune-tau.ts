import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Args, Flags } from '@oclif/core';
import { proposeTauFromServer, type ServerTauOptions } from '../api/propose-tau.js';
import { tuneTau } from '../api/tune-tau.js';
import { percent, table } from '../base/format.js';
import { dataFlags, dataOptions } from '../cli/data-flags.js';
import { withDataProgress } from '../cli/data-progress.js';
import { numberFlag } from '../cli/number-flag.js';
import { tuneOptions } from '../cli/tune-options.js';
import { tunedLines } from '../cli/tuned-lines.js';
import type { UsePoint } from '../tau/in-use.js';
import { OBJECTIVES, type ObjectiveName } from '../tau/objectives.js';
import { type MethodName, SEARCH_METHODS } from '../tau/search.js';
import { LcdnnCommand } from './base-command.js';

export default class TuneTau extends LcdnnCommand {
  static override summary = 'Tune the exit threshold of a run (or one threshold per exit) on its validation images.';
  static override description =
    'Writes tau.json (threshold, accuracies, exit ratio, variation over folds, curve), tau.svg and tau.png into the run ' +
    '(tau2.svg, ... for further exits), and shows them in report.html. With --from-server it proposes a threshold from the ' +
    'images an edge server has answered, without labels; --apply writes it into tau.json, for the next export.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> runs/mnist',
    '<%= config.bin %> <%= command.id %> runs/mnist --objective exits --epsilon 0.002',
    '<%= config.bin %> <%= command.id %> runs/mnist --method algorithm-2',
    '<%= config.bin %> <%= command.id %> runs/mnist --from-server http://127.0.0.1:8080 --apply',
  ];
  static override args = { run: Args.string({ required: true, description: 'Run directory.' }) };
  static override flags = {
    ...dataFlags,
    method: Flags.option({
      summary: 'Search method. [default: exact]',
      options: Object.keys(SEARCH_METHODS) as MethodName[],
    })(),
    objective: Flags.option({
      summary: 'What the search optimises. [default: risk; for algorithm-2: accuracy]',
      options: Object.keys(OBJECTIVES) as ObjectiveName[],
    })(),
    epsilon: numberFlag('Share of images (risk) or of accuracy (exits) that may be lost.'),
    delta: numberFlag('For risk: probability that the loss may exceed epsilon. [default: 0.1]'),
    'per-class': Flags.boolean({
      summary: 'For risk: prove epsilon for each class that has enough validation images, not only for all together.',
    }),
    'device-ms': numberFlag('For latency: time of the branch on the device, in ms.'),
    'edge-ms': numberFlag('For latency: time of an answer from the edge, network included, in ms.'),
    'accuracy-floor': numberFlag('For latency: lowest collaborative accuracy allowed.'),
    folds: Flags.integer({ summary: 'Number of random folds for the variation. [default: 5]', min: 2, max: 1000 }),
    'cross-fit': Flags.integer({
      summary:
        'For a run with --views and few photographs: train a head for each of this many folds, and tune on the answers to ' +
        'all photographs of the training split instead of the validation images. The result is an estimate.',
      min: 2,
      max: 5,
    }),
    'entropy-temperature': numberFlag(
      'Divide the logits by this before computing the entropy that is compared with the threshold. At 0.5, more images ' +
        'often exit early at the same risk. [default: 1]',
    ),
    'from-server': Flags.string({
      summary: 'Address of an edge server that has served this run.',
      exclusive: [
        'method',
        'objective',
        'device-ms',
        'edge-ms',
        'accuracy-floor',
        'folds',
        'cross-fit',
        'entropy-temperature',
        'per-class',
        'data-dir',
      ],
    }),
    model: Flags.string({ summary: 'Model on the server, if it serves several.', dependsOn: ['from-server'] }),
    'token-file': Flags.file({ summary: "File with the server's token.", exists: true, dependsOn: ['from-server'] }),
    apply: Flags.boolean({ summary: 'Write the proposed threshold into tau.json.', dependsOn: ['from-server'] }),
  };

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(TuneTau);
    const { 'from-server': server, model, 'token-file': tokenFile, apply, epsilon, delta } = flags;
    if (server !== undefined) {
      const token = tokenFile && readFileSync(tokenFile, 'utf8').trim();
      return this.proposeFrom(server, args.run, { model, token, apply, epsilon, delta });
    }
    const result = await withDataProgress(({ onProgress, onNote }) =>
      tuneTau(args.run, { ...tuneOptions(flags), ...dataOptions(flags), onProgress, onNote }),
    );
    for (const line of tunedLines(result)) this.log(line);
    return result;
  }

  private async proposeFrom(server: string, run: string, options: ServerTauOptions): Promise<unknown> {
    const found = await proposeTauFromServer(run, server, options);
    const { present, evidence } = found;
    const row = (name: string, { tau, exitRatio, disagreement }: UsePoint) => [
      name,
      tau.toFixed(5),
      percent(exitRatio),
      evidence.audited > 0 || tau > present.tau ? percent(disagreement) : 'unknown',
    ];
    const { images, sent, audited, epsilon, delta } = evidence;
    const header = ['', 'tau', 'exit early', 'exit early and differ from the full network'];
    this.log(`${found.model} ${found.version}: ${images} images, ${sent} sent to the edge, ${audited} audited`);
    this.log(table([header, row('present', present), row('proposed', found)], [1, 2, 3]));
    this.log(`${found.reason} (epsilon ${percent(epsilon)}, delta ${delta})`);
    if (options.apply && found.tau !== present.tau) {
      this.log(`written to ${join(run, 'tau.json')}; next: ${this.config.bin} export ${run} --target web --out BUNDLE`);
    }
    return found;
  }
}
