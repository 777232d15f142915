import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Args, Flags } from '@oclif/core';
import { accuraciesOf, exitKnowledge, exitRatiosOf, type KnownExits } from '../api/exit-knowledge.js';
import { trainSizes } from '../api/train-sizes.js';
import { UserError } from '../base/errors.js';
import { exitsOf } from '../base/exits.js';
import { bytesFlag } from '../cli/bytes-flag.js';
import { configFlags } from '../cli/config-flags.js';
import { numberFlag } from '../cli/number-flag.js';
import { pythonFlag } from '../cli/python-flag.js';
import { type Described, openNetwork, TRAINING_OPTIONS, zooFlags } from '../cli/zoo-network.js';
import { isBranch } from '../network/layers.js';
import { networkNames as zooNames } from '../network/zoo/index.js';
import { compareDesigns, type DesignLimits, type PlanRequest, selectWithin } from '../plan/compare-designs.js';
import { type ConnectionProfile, connectionNames, connectionProfile } from '../plan/connections.js';
import { type BuildNetwork, buildDesign, type Design } from '../plan/designs.js';
import { calibratedRates, callMsOf, readDeviceProfile, requestMsOf } from '../plan/device-profile.js';
import { readEdgeProfile } from '../plan/edge-profile.js';
import { MEASURED_RATES } from '../plan/measured-rates.js';
import { type Circumstances, tailMs } from '../plan/price.js';
import { planJson, planNotes, planText } from '../report/plan-page.js';
import { cellsAsText } from '../report/plan-tables.js';
import { writePlan } from '../report/write-plan.js';
import { type MeasuredRun, measuredRun, measuredRuns, runKey } from '../run/measured-runs.js';
import { networkOf } from '../run/run-directory.js';
import { LcdnnCommand } from './base-command.js';

export default class Plan extends LcdnnCommand {
  static override summary = 'Which branch, where, for your network and limits: expected latency before any training.';
  static override description =
    'Expected latency of branches at every place, by the law of total expectation and as the paper has it (Eq. 11-17), ' +
    'and the sizes of Fig. 7. Times are estimates from one machine unless --device and --edge give measured ones; ' +
    'exit ratios are those of runs, of --exit-ratios, or assumed, which is said.';
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
      description: `Run directory, recipe ("lcdnn recipes"), or network: ${zooNames.join(', ')}.`,
    }),
  };
  static override flags = {
    network: Flags.string({ summary: `Connection: ${connectionNames.join(', ')}.`, default: '4g' }),
    up: numberFlag("Uplink in Mbit/s, instead of the connection's."),
    down: numberFlag("Downlink in Mbit/s, instead of the connection's."),
    rtt: numberFlag("Round trip in ms, instead of the connection's."),
    images: Flags.integer({
      summary:
        'Images that a page classifies after loading once. 1: all of the loading is waited for, as in the paper.',
      default: 1,
      min: 1,
    }),
    'uplink-bits': numberFlag(
      'Bits of a value on its way to the edge: 8, 16 or 32 as export chooses, fewer where deflate helps. [default: 8]',
    ),
    device: Flags.string({ summary: 'Times of the branch: what "lcdnn bench device --json" printed for it.' }),
    edge: Flags.string({ summary: 'Times of the tails: what "lcdnn bench edge --json" printed for the network.' }),
    'exit-ratios': Flags.string({
      summary: 'Share of all samples that leaves at each exit of the design: 0.8 or 0.7,0.1.',
    }),
    accuracies: Flags.string({
      summary: 'Accuracy of each branch of the design, then of the full network, for Eq. 11: 0.9,0.95.',
    }),
    runs: Flags.string({ summary: 'Folder of trained runs, whose accuracies and exit ratios are used.' }),
    train: Flags.boolean({ summary: "Train and tune what Fig. 7's grid lacks, in --runs.", dependsOn: ['runs'] }),
    'max-exits': Flags.integer({ summary: 'Most branches at a time.', default: 2, min: 1, max: 4 }),
    'max-bytes': bytesFlag('Most that a page may download: 79000, 79KB, 1.5MB.'),
    'max-latency': numberFlag('Longest expected latency of an image, in ms.'),
    'min-accuracy': numberFlag(
      'Least accuracy, from 0 to 1: of all exits and the edge together, or of the branch alone where τ is not tuned.',
    ),
    out: Flags.string({ summary: 'Folder for plan.json, plan.md and charts.' }),
    'data-dir': Flags.directory({ summary: 'Folder that holds the files of the data set, for --train.' }),
    python: pythonFlag,
    ...zooFlags,
    ...configFlags(TRAINING_OPTIONS, 'what the run or recipe says'),
  };

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(Plan);
    const connection = connectionProfile(flags.network, {
      upMbps: flags.up,
      downMbps: flags.down,
      roundTripMs: flags.rtt,
    });
    const limits = limitsOf(flags);
    const described = openNetwork(args.what, flags);
    const { network, config } = described;
    const build: BuildNetwork = (choice) => networkOf({ ...config, ...choice }, network.input, network.classes);
    const design = buildDesign(build, config);
    const circumstances = circumstancesOf(flags, design, connection);
    const known = knownExits(flags, exitsOf(network).length, config.dataset);
    const ask = (): PlanQuestion => {
      const knowledge = exitKnowledge(design, build, { ...known, runs: runsOf(described, flags) });
      return { design, build, circumstances, maxExits: flags['max-exits'], ...knowledge };
    };

    let question = ask();
    let answers = compareDesigns(question);
    if (flags.train) {
      if (flags.image) throw new UserError('--train: expected the images of a data set, found --image; give --dataset');
      // A run that was not tuned may have been interrupted.
      const lacking = answers.sizes.filter(({ exits }) => exits.from === 'assumed');
      const exitCode = await trainSizes(lacking, {
        ...{ runs: flags.runs!, config, given: described.given, python: flags.python, quiet: this.jsonEnabled() },
        dataDir: flags['data-dir'] && resolve(flags['data-dir']),
        onDone: (name, i) => this.log(`${i + 1}/${lacking.length} ${name}`),
      });
      if (exitCode !== undefined) this.exit(exitCode);
      question = ask();
      answers = compareDesigns(question);
    }

    const choice = selectWithin(limits, question, answers);
    const notes = planNotes(flags, connection, question.note);
    const page = { described, images: flags.images, connection, notes, answers, choice };
    const { title, sections } = planText(page);
    this.log([title, ...notes].join('\n'));
    for (const { title, cells, after } of sections)
      this.log(`\n${title}\n\n${cellsAsText(cells)}\n\n${after}`.trimEnd());
    const result = planJson(page);
    if (flags.out) {
      await writePlan(flags.out, page, result);
      this.log(`\ndone: ${join(flags.out, 'plan.md')}`);
    }
    return result;
  }
}

type PlanQuestion = PlanRequest & { readonly note: string };

function limitsOf(flags: {
  readonly 'max-bytes'?: number;
  readonly 'max-latency'?: number;
  readonly 'min-accuracy'?: number;
}): DesignLimits {
  const { 'max-bytes': maxBytes, 'max-latency': maxLatencyMs, 'min-accuracy': minAccuracy } = flags;
  if (maxBytes !== undefined && maxBytes <= 0) {
    throw new UserError(`--max-bytes: expected a size above 0, found ${maxBytes}`);
  }
  if (maxLatencyMs !== undefined && maxLatencyMs <= 0) {
    throw new UserError(`--max-latency: expected a time above 0 ms, found ${maxLatencyMs}`);
  }
  if (minAccuracy !== undefined && !(minAccuracy >= 0 && minAccuracy <= 1)) {
    throw new UserError(`--min-accuracy: expected a share from 0 to 1, found ${minAccuracy}`);
  }
  return { maxBytes, maxLatencyMs, minAccuracy };
}

/** What the user says of the exits of the design that is asked about. */
function knownExits(
  flags: { readonly 'exit-ratios'?: string; readonly accuracies?: string },
  exits: number,
  dataset: string,
): Omit<KnownExits, 'runs'> {
  const { 'exit-ratios': ratios, accuracies } = flags;
  return {
    dataset,
    ratios: ratios === undefined ? undefined : exitRatiosOf(ratios, exits),
    accuracies: accuracies === undefined ? undefined : accuraciesOf(accuracies, exits),
  };
}

/** Measured times where the user has them, else those of the table. */
function circumstancesOf(
  flags: { readonly device?: string; readonly edge?: string; readonly images: number; readonly 'uplink-bits'?: number },
  design: Design,
  network: ConnectionProfile,
): Circumstances {
  const { device, edge, loadMs, callMs, requestMs, fixedBytes } = MEASURED_RATES;
  const profile = flags.device === undefined ? undefined : readDeviceProfile(flags.device);
  const tails = flags.edge === undefined ? undefined : readEdgeProfile(flags.edge, design.network);
  const layers = design.cost.layers;
  const onDevice = layers.filter(({ part }) => part.startsWith('shared') || isBranch(part));
  const tail = tailMs(design, { rates: edge, tails });
  return {
    network,
    images: flags.images,
    uplinkBits: checkBits(flags['uplink-bits'] ?? 8),
    device: {
      rates: profile ? calibratedRates(profile, onDevice, device, flags.device!) : device,
      loadMs: profile?.loadMs ?? loadMs,
      callMs: profile ? callMsOf(profile) : callMs,
      fixedBytes,
    },
    edge: { rates: edge, tails, requestMs: (profile && requestMsOf(profile, tail)) ?? requestMs },
  };
}

/** The runs that are known: those of a folder, and the one that is planned, if it is one. */
function runsOf(
  { run }: Described,
  { runs: folder, train }: { readonly runs?: string; readonly train: boolean },
): Map<string, MeasuredRun> {
  const none = folder === undefined || (train && !existsSync(folder));
  const runs = none ? new Map<string, MeasuredRun>() : measuredRuns(folder);
  const own = run && measuredRun(run);
  if (own) runs.set(runKey(run.network, run.config.dataset), own);
  return runs;
}

function checkBits(bits: number): number {
  if (bits > 0 && bits <= 32) return bits;
  throw new UserError(`--uplink-bits: expected a number above 0 and up to 32, found ${bits}`);
}
