import { readFileSync } from 'node:fs';
import { Args, Flags } from '@oclif/core';
import { openTrained } from '../api/open-trained.js';
import { tuneRun } from '../api/tune-run.js';
import { exitsOf } from '../base/exits.js';
import { percent, table } from '../base/format.js';
import { numberFlag } from '../cli/number-flag.js';
import { readUsageCounts } from '../edge/read-usage-counts.js';
import { applyTau } from '../run/apply-tau.js';
import { openRun, runFile } from '../run/run-directory.js';
import { proposeTau, type UsePoint } from '../tau/in-use.js';
import type { ExitResult } from '../tau/tune.js';
import { LcdnnCommand } from './base-command.js';

interface FromServer {
  readonly server: string;
  readonly model?: string;
  readonly 'token-file'?: string;
  readonly epsilon?: number;
  readonly delta?: number;
  readonly apply: boolean;
}

export default class TuneTau extends LcdnnCommand {
  static override summary = 'Tune the exit threshold of a run, or those of several exits, on its validation images.';
  static override description =
    'Writes tau.json (threshold, accuracies, exit ratio, spread over folds, curve), tau.svg and tau.png into the run (tau2.svg, ... for further exits), and shows them in report.html. With --from-server it proposes a threshold by what an edge server saw in use, without labels; --apply puts it into tau.json, for the next export.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> runs/mnist',
    '<%= config.bin %> <%= command.id %> runs/mnist --objective exits --epsilon 0.002',
    '<%= config.bin %> <%= command.id %> runs/mnist --method algorithm-2',
    '<%= config.bin %> <%= command.id %> runs/mnist --from-server http://127.0.0.1:8080 --apply',
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
    'from-server': Flags.string({
      summary: 'Address of an edge server that has served this run.',
      exclusive: ['method', 'objective', 'device-ms', 'edge-ms', 'accuracy-floor', 'folds', 'data-dir'],
    }),
    model: Flags.string({ summary: 'Model on the server, where there are several.', dependsOn: ['from-server'] }),
    'token-file': Flags.file({ summary: "File with the server's token.", exists: true, dependsOn: ['from-server'] }),
    apply: Flags.boolean({ summary: "Take the server's proposal into tau.json.", dependsOn: ['from-server'] }),
  };

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(TuneTau);
    if (flags['from-server'] !== undefined)
      return this.fromServer(args.run, { ...flags, server: flags['from-server'] });
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

  private async fromServer(path: string, flags: FromServer): Promise<unknown> {
    const run = openRun(path);
    const { server, model, epsilon, delta, apply } = flags;
    const token = flags['token-file'] && readFileSync(flags['token-file'], 'utf8').trim();
    const { counts, ...served } = await readUsageCounts(server, { model, token });
    const proposal = proposeTau(counts, { epsilon, delta });
    const { present, reason, evidence } = proposal;
    const row = (name: string, { tau, exitRatio, disagreement }: UsePoint) => [
      name,
      tau.toFixed(5),
      percent(exitRatio),
      evidence.audited > 0 || tau > counts.tau ? percent(disagreement) : 'unknown',
    ];
    this.log(
      `${served.model} ${served.version}: ${evidence.images} images, of which ${evidence.sent} were sent and ${evidence.audited} audited\n` +
        `${table([['', 'tau', 'exit', 'exit otherwise than the full network'], row('present', present), row('proposed', proposal)], [1, 2, 3])}\n` +
        `${reason} (epsilon ${percent(evidence.epsilon)}, delta ${evidence.delta})`,
    );
    if (apply && proposal.tau !== counts.tau) {
      applyTau(run, proposal.tau, `from ${evidence.images} images in use: ${reason}`);
      this.log(
        `${runFile(run, 'tau')} holds it now; next: ${this.config.bin} export ${path} --target web --out BUNDLE`,
      );
    }
    return { ...served, ...proposal };
  }
}
