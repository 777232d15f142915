import { Args, Flags } from '@oclif/core';
import { PLANNED_BASELINES, planBaseline } from '../../api/plan-baseline.js';
import { percent, table } from '../../base/format.js';
import type { ExpectedPartition } from '../../baselines/measure/plan-partitions.js';
import { conditionFlags, conditionOf, hostFlags } from '../../cli/condition-flags.js';
import { dataOptions } from '../../cli/data-flags.js';
import { withDataProgress } from '../../cli/data-progress.js';
import { LcdnnCommand } from '../base-command.js';

export default class BaselinePlan extends LcdnnCommand {
  static override summary = 'Split a trained network between device and edge as another approach would.';
  static override description =
    'Measures every layer in a headless Chromium (ONNX Runtime Web) and in ONNX Runtime on this machine, fits a regression ' +
    'for each layer type, and chooses. neurosurgeon: the partition with the lowest latency or energy. edgent: the most ' +
    'accurate exit within a latency limit, with its fastest partition. Writes device.onnx and edge.onnx, which together ' +
    'contain the whole network.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> neurosurgeon runs/alexnet --network wifi --out baselines/neurosurgeon',
    '<%= config.bin %> <%= command.id %> edgent runs/mnist --exits runs/mnist-edgent --limit 50',
    '<%= config.bin %> <%= command.id %> neurosurgeon runs/alexnet --objective energy --slowdown 4',
  ];
  static override args = {
    name: Args.string({ required: true, options: [...PLANNED_BASELINES], description: 'Approach.' }),
    run: Args.string({ required: true, description: 'Trained run.' }),
  };
  static override flags = {
    ...conditionFlags,
    objective: Flags.option({
      summary: 'What neurosurgeon minimises.',
      options: ['latency', 'energy'] as const,
      default: 'latency' as const,
    })(),
    exits: Flags.string({ summary: 'Run with early exits in float, for edgent ("lcdnn baseline train edgent").' }),
    limit: Flags.integer({ summary: 'Latency limit of edgent, in ms.', default: 100, min: 1 }),
    out: Flags.string({
      summary: 'Folder for baseline.json, device.onnx and edge.onnx. [default: nothing is written]',
    }),
    ...hostFlags,
  };

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(BaselinePlan);
    const conditions = conditionOf(flags);
    const name = PLANNED_BASELINES.find((known) => known === args.name)!;
    const { objective, exits, limit: limitMs, threads, browser, out } = flags;
    const planned = await withDataProgress(({ onProgress, onNote }) =>
      planBaseline(name, args.run, {
        ...{ conditions, objective, exits, limitMs, threads, browser, out, ...dataOptions(flags) },
        ...{ onProgress, onNote },
      }),
    );
    if (planned.considered) this.log(`${consideredTable(planned.considered)}\n`);
    this.log(`${name} over ${conditions.network.name}: ${planned.plan}`);
    if (out) this.log(`done: ${out}; next: ${this.config.bin} baseline run ${out} ${args.run}`);
    return planned;
  }
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
