import { join } from 'node:path';
import { Args, Flags } from '@oclif/core';
import { exitRun, inInt8, trainedNetwork } from '../../api/compared-runs.js';
import { openTrained, type Trained } from '../../api/open-trained.js';
import { makeFolder, writeFileAtomic } from '../../base/files.js';
import { percent, table } from '../../base/format.js';
import { type Baseline, baselineFiles } from '../../baselines/approaches/baseline.js';
import { onDevice, partitioned } from '../../baselines/approaches/partition.js';
import { chainOf, segmentsOf } from '../../baselines/approaches/segments.js';
import { type ExpectedPartition, planPartitions } from '../../baselines/measure/plan-partitions.js';
import { runtimeFiles } from '../../baselines/measure/runtime.js';
import {
  type ConditionFlags,
  conditionFlags,
  conditionOf,
  devicePowers,
  hostFlags,
} from '../../cli/condition-flags.js';
import { defaultThreads } from '../../edge/server.js';
import { floatModel } from '../../export/float-model.js';
import { launchChromium } from '../../profiling/launch-chromium.js';
import { LcdnnCommand } from '../base-command.js';

const NAMES = ['mobile-only', 'mobile-only-int8', 'edge-only', 'neurosurgeon', 'edgent'] as const;
type Name = (typeof NAMES)[number];

export default class BaselinePlan extends LcdnnCommand {
  static override summary = 'Cut a trained network in two for device and edge, as another approach would.';
  static override description =
    'Times every layer in a headless Chromium (ONNX Runtime Web) and in ONNX Runtime here, fits a regression for each kind of ' +
    'layer, and chooses: neurosurgeon, the partition that is the best by latency or energy; edgent, the most accurate exit that ' +
    'keeps to a limit, with its fastest partition. Writes what runs where: device.onnx and edge.onnx, cut from one list of layers.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> neurosurgeon runs/alexnet --network wifi --out baselines/neurosurgeon',
    '<%= config.bin %> <%= command.id %> edgent runs/mnist --exits runs/mnist-edgent --limit 50',
    '<%= config.bin %> <%= command.id %> neurosurgeon runs/alexnet --objective energy --slowdown 4',
  ];
  static override args = {
    name: Args.string({ required: true, options: [...NAMES], description: 'Approach.' }),
    run: Args.string({ required: true, description: 'Trained run.' }),
  };
  static override flags = {
    ...conditionFlags,
    objective: Flags.option({
      summary: 'What the partition of neurosurgeon is the best by.',
      options: ['latency', 'energy'] as const,
      default: 'latency' as const,
    })(),
    exits: Flags.string({ summary: 'Run with early exits in float for edgent ("lcdnn baseline train edgent").' }),
    limit: Flags.integer({ summary: 'Latency that edgent keeps to, in ms.', default: 100, min: 1 }),
    out: Flags.string({
      summary: 'Folder for baseline.json, device.onnx and edge.onnx. [default: nothing is written]',
    }),
    ...hostFlags,
  };

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(BaselinePlan);
    const conditions = conditionOf(flags);
    const name = NAMES.find((known) => known === args.name)!;
    const trained = await openTrained(args.run, flags['data-dir']);
    const planned =
      name === 'neurosurgeon' || name === 'edgent' ? await this.partition(name, trained, flags) : undefined;
    const baseline = planned?.baseline ?? (await wholeNetwork(name, trained));
    const { plan } = baseline.facts;
    if (planned) this.log(`${consideredTable(planned.considered)}\n`);
    this.log(`${name} over ${conditions.network.name}: ${plan}`);
    if (flags.out) {
      makeFolder(flags.out);
      for (const [file, bytes] of baselineFiles(baseline)) writeFileAtomic(join(flags.out, file), bytes);
      this.log(`done: ${flags.out}; next: ${this.config.bin} baseline run ${flags.out} ${args.run}`);
    }
    return { approach: name, plan, expected: planned?.expected, considered: planned?.considered };
  }

  private async partition(name: 'neurosurgeon' | 'edgent', trained: Trained, flags: PartitionFlags) {
    runtimeFiles(); // says at once where it is not installed
    const conditions = conditionOf(flags);
    const exits =
      flags.exits === undefined ? undefined : await exitRun(flags.exits, trained.dataset, flags['data-dir']);
    const browser = await launchChromium({ program: flags.browser });
    try {
      const [planned] = await planPartitions(browser, trainedNetwork(trained), exits, {
        conditions: [conditions],
        powers: devicePowers,
        objective: flags.objective,
        limitMs: flags.limit,
        threads: flags.threads ?? defaultThreads(),
      });
      return planned[name];
    } finally {
      await browser.close();
    }
  }
}

interface PartitionFlags extends ConditionFlags {
  readonly objective: 'latency' | 'energy';
  readonly exits?: string;
  readonly limit: number;
  readonly threads?: number;
  readonly browser?: string;
  readonly 'data-dir'?: string;
}

/** An approach that leaves the network whole. */
async function wholeNetwork(
  name: Exclude<Name, 'neurosurgeon' | 'edgent'> | Name,
  trained: Trained,
): Promise<Baseline> {
  const { network } = trained.run;
  if (name === 'edge-only') {
    const segments = segmentsOf(chainOf(network));
    return partitioned(name, trainedNetwork(trained), { segments, cut: 0, begins: 'device' });
  }
  if (name === 'mobile-only-int8') {
    const { model, plan } = await inInt8(trained);
    return onDevice(name, network, model, plan);
  }
  return onDevice(name, network, floatModel(network, trained.state, ['shared', 'full']), 'all on the device');
}

function consideredTable(considered: readonly ExpectedPartition[]): string {
  const rows = considered.map(({ plan, latencyMs, energyMj, accuracy }) => [
    plan,
    latencyMs.toFixed(2),
    energyMj.toFixed(1),
    accuracy === undefined ? '' : percent(accuracy),
  ]);
  return table([['partition', 'ms', 'mJ', considered[0].accuracy === undefined ? '' : 'accuracy'], ...rows], [1, 2, 3]);
}
