import { Flags } from '@oclif/core';
import { type SimulatedPolicy, simulatePolicies } from '../../api/simulate-policies.js';
import { table } from '../../base/format.js';
import { scheduleFlags, settingsOf } from '../../cli/schedule-flags.js';
import { ruleNames } from '../../scheduling/policies/index.js';
import { LcdnnCommand } from '../base-command.js';

export default class ScheduleSimulate extends LcdnnCommand {
  static override summary = 'Simulate policies on the same arrivals and compare variance, latency, energy and cost.';
  static override description =
    'Prints means with 95 % intervals over seeds; every seed has its own task sets. Variance is the variance of utilisation ' +
    'over the servers. Latency is the time from arrival to answer, including waiting and forwarding.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --policy least-loaded --policy policies/drlos --speed 1.5,1,0.5 --report-every 10',
    '<%= config.bin %> <%= command.id %> --trace requests.csv --policy closest --policy least-loaded',
  ];
  static override flags = {
    policy: Flags.string({
      summary: `Rule, policy file, or folder of a training. Repeatable. Rules: ${ruleNames.join(', ')}. [default: all rules]`,
      multiple: true,
    }),
    seed: Flags.integer({ summary: 'First seed. [default: 1]', default: 1, min: 0 }),
    seeds: Flags.integer({ summary: 'Number of seeds. [default: 5]', default: 5, min: 1, max: 1000 }),
    episodes: Flags.integer({ summary: 'Number of task sets per seed. [default: 5]', default: 5, min: 1, max: 10_000 }),
    trace: Flags.string({
      summary:
        'Replay the tasks of a trace instead of random ones: CSV, JSON lines, or a log of "lcdnn serve --log info".',
    }),
    ...scheduleFlags,
  };

  async run(): Promise<unknown> {
    const { flags } = await this.parse(ScheduleSimulate);
    const { policy: policies, episodes, trace } = flags;
    const settings = settingsOf(flags);
    const seeds = Array.from({ length: flags.seeds }, (_, i) => flags.seed + i);
    const results = simulatePolicies({ settings, policies, seeds, episodes, trace });
    this.log(table([HEADER, ...results.map(cells)], [1, 2, 3, 4, 5, 6, 7]));
    return { settings, seeds, episodes: trace === undefined ? episodes : 1, results };
  }
}

const HEADER = ['policy', 'variance', 'mean ms', 'p99 ms', 'late', 'cloud', 'forwarded', 'J/task'];

function cells({ policy, variance, meanMs, p99Ms, late, cloud, forwarded, joulesPerTask }: SimulatedPolicy) {
  const percent = ({ mean }: { mean: number }): string => `${(100 * mean).toFixed(1)} %`;
  return [
    policy,
    `${variance.mean.toExponential(2)} ± ${variance.half.toExponential(0)}`,
    `${meanMs.mean.toFixed(1)} ± ${meanMs.half.toFixed(1)}`,
    `${p99Ms.mean.toFixed(0)} ± ${p99Ms.half.toFixed(0)}`,
    percent(late),
    percent(cloud),
    percent(forwarded),
    joulesPerTask.mean.toPrecision(3),
  ];
}
