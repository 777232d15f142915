import { Flags } from '@oclif/core';
import { table } from '../../base/format.js';
import { scheduleFlags, settingsOf } from '../../cli/schedule-flags.js';
import { type Recommendation, readMeasured, recommend, type Scenario } from '../../scheduling/recommend.js';
import { MEASURES } from '../../scheduling/simulation/summary.js';
import { LcdnnCommand } from '../base-command.js';

export default class ScheduleRecommend extends LcdnnCommand {
  static override summary = 'Recommend a policy for your servers, from measurements with similar settings.';
  static override description =
    'Looks up the nearest setting in the table of measurements in this package. Policies whose 95 % intervals overlap the ' +
    'best one\'s are tied, and the simplest of them is recommended. Nothing is simulated; "schedule simulate" does that.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> --servers 4 --load 0.7',
    '<%= config.bin %> <%= command.id %> --speed 1,1,0.5 --measure p99Ms',
    '<%= config.bin %> <%= command.id %> --report-every 10 --no-tracking --measure variance',
  ];
  static override flags = {
    measure: Flags.option({
      summary: 'What should be low: variance of utilisation, latency, energy, or tasks at the cloud. [default: p99Ms]',
      options: MEASURES,
      default: 'p99Ms',
    })(),
    ...scheduleFlags,
  };

  async run(): Promise<unknown> {
    const { flags } = await this.parse(ScheduleRecommend);
    const measure = flags.measure as (typeof MEASURES)[number];
    const found = recommend(readMeasured(), settingsOf(flags), measure);
    this.log(`measured with ${scenarioInWords(found.scenario)}:\n`);
    this.log(table([['policy', measure, ''], ...found.ranking.map(cells)], [1]));
    this.log(`\nrecommended: ${found.policy}${trainingOf(found)}`);
    return { measure, ...found };
  }
}

const cells = ({ policy, mean, half, tied }: Recommendation['ranking'][number]): string[] => [
  policy,
  `${mean.toPrecision(3)} ± ${half.toPrecision(1)}`,
  tied ? 'best or tied' : '',
];

function scenarioInWords({ servers, spread, load, reportEvery, tracking, forwardSteps }: Scenario): string {
  const speeds = spread === 1 ? 'of equal speed' : `with speeds from 1 to ${Number(spread.toPrecision(2))}`;
  const reports =
    reportEvery === 1
      ? 'a report every step'
      : `a report every ${reportEvery} steps${tracking ? '' : ', without counting requests in between'}`;
  return `${servers} servers ${speeds}, load ${load}, ${reports}, ${forwardSteps.toFixed(1)} steps to forward a task`;
}

/** The command that trains the policy; empty if it is a rule. */
function trainingOf({ policy }: Recommendation): string {
  const objectives: Record<string, string> = {
    'per-server for variance': 'variance=1,cloud=1',
    'per-server for latency': 'latency=1,late=1',
  };
  const objective = objectives[policy];
  return objective === undefined
    ? ''
    : `; train it with: lcdnn schedule train --method per-server --objective ${objective} --out POLICY, and the settings above`;
}
