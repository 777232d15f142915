import { join } from 'node:path';
import { Args, Flags } from '@oclif/core';
import { plan, writePlan } from '../api/plan.js';
import { bytesFlag } from '../cli/bytes-flag.js';
import { configFlags } from '../cli/config-flags.js';
import { networkFlags, networkOptions, TRAINING_OPTIONS } from '../cli/network-flags.js';
import { numberFlag, numberListFlag } from '../cli/number-flag.js';
import { pythonFlag } from '../cli/pytorch-flags.js';
import { withTrainingDisplay } from '../cli/with-training-display.js';
import { networkNames as zooNames } from '../network/zoo/index.js';
import { connectionNames } from '../plan/connections.js';
import { planJson, planText } from '../report/plan-page.js';
import { cellsAsText } from '../report/plan-tables.js';
import { LcdnnCommand } from './base-command.js';

export default class Plan extends LcdnnCommand {
  static override summary =
    'Choose a branch and its position for your network and limits: expected latency before any training.';
  static override description =
    'Expected latency of a branch in every position, by the law of total expectation and by Eq. 11-17 of the paper, and the ' +
    'branch sizes of Fig. 7. Times are estimates from one machine unless --device and --edge give measured ones. Exit ratios ' +
    'come from runs, from --exit-ratios, or from an assumption; the output says which.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> lenet --network 4g',
    '<%= config.bin %> <%= command.id %> runs/mnist --network 3g --images 20',
    '<%= config.bin %> <%= command.id %> alexnet --dataset cifar-10 --network 4g --max-bytes 2MB --max-latency 3000 --out plans/alexnet',
    '<%= config.bin %> <%= command.id %> alexnet-cifar10 --runs runs/alexnet --train --min-accuracy 0.8',
    '<%= config.bin %> <%= command.id %> runs/mnist --device device.json --edge edge.json',
  ];
  static override args = {
    what: Args.string({
      required: true,
      description: `Run directory, recipe ("lcdnn recipes", or a JSON file), or network: ${zooNames.join(', ')}.`,
    }),
  };
  static override flags = {
    network: Flags.string({ summary: `Connection: ${connectionNames.join(', ')}.`, default: '4g' }),
    up: numberFlag("Uplink in Mbit/s, instead of the connection's."),
    down: numberFlag("Downlink in Mbit/s, instead of the connection's."),
    rtt: numberFlag("Round trip in ms, instead of the connection's."),
    images: Flags.integer({
      summary:
        'Number of images that a page classifies after loading once. With 1, the image waits for all of the loading, as in the paper.',
      default: 1,
      min: 1,
    }),
    'uplink-bits': numberFlag(
      'Bits per value sent to the edge: 8, 16 or 32, as export chooses; fewer if deflate helps. [default: 8]',
    ),
    device: Flags.string({ summary: 'File with the JSON of "lcdnn bench device": measured times of the branch.' }),
    edge: Flags.string({ summary: 'File with the JSON of "lcdnn bench edge": measured times of the tails.' }),
    'exit-ratios': numberListFlag('Share of all images that exits early at each exit of the design: 0.8 or 0.7,0.1.'),
    accuracies: numberListFlag(
      'Accuracy of each branch of the design, then of the full network, for Eq. 11: 0.9,0.95.',
    ),
    runs: Flags.string({ summary: 'Folder of trained runs, whose accuracies and exit ratios are used.' }),
    train: Flags.boolean({
      summary: 'Train and tune, in --runs, the branch sizes of Fig. 7 that have not been measured.',
      dependsOn: ['runs'],
    }),
    'max-exits': Flags.integer({ summary: 'Largest number of branches in one design.', default: 2, min: 1, max: 4 }),
    'max-bytes': bytesFlag('Largest download of a page: 79000, 79KB, 1.5MB.'),
    'max-latency': numberFlag('Largest expected latency per image, in ms.'),
    'min-accuracy': numberFlag(
      'Lowest accuracy, from 0 to 1: of all exits and the edge together, or of the branch alone if τ is not tuned.',
    ),
    out: Flags.string({ summary: 'Folder for plan.json, plan.md and charts.' }),
    'data-dir': Flags.directory({ summary: 'Folder with the files of the data set, for --train.' }),
    python: pythonFlag,
    ...networkFlags,
    ...configFlags(TRAINING_OPTIONS, 'from the run or recipe'),
  };

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(Plan);
    const { images, device, edge, accuracies, runs, train, python, out } = flags;
    const page = await withTrainingDisplay(this, (shown) =>
      plan(args.what, {
        ...networkOptions(flags),
        ...{ images, device, edge, accuracies, runs, train, python },
        ...{ connection: flags.network, upMbps: flags.up, downMbps: flags.down, roundTripMs: flags.rtt },
        uplinkBits: flags['uplink-bits'],
        exitRatios: flags['exit-ratios'],
        maxExits: flags['max-exits'],
        ...{ maxBytes: flags['max-bytes'], maxLatencyMs: flags['max-latency'], minAccuracy: flags['min-accuracy'] },
        dataDir: flags['data-dir'],
        onTrained: (name, i, count) => this.log(`${i + 1}/${count} ${name}`),
        ...shown,
      }),
    );
    const { title, sections } = planText(page);
    this.log([title, ...page.notes].join('\n'));
    for (const { title, cells, after } of sections)
      this.log(`\n${title}\n\n${cellsAsText(cells)}\n\n${after}`.trimEnd());
    if (out) {
      await writePlan(out, page);
      this.log(`\ndone: ${join(out, 'plan.md')}`);
    }
    return planJson(page);
  }
}
