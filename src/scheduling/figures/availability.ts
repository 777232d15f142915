import { policyOf } from '../policy-file.js';
import { resolveSettings, type Settings } from '../settings.js';
import { type Estimates, estimates, simulate } from '../simulation/simulate.js';
import { createWorld } from '../world.js';
import { type ConvergenceOptions, paperPlan } from './convergence.js';
import { atLoad, LOADS, tasksPerStep } from './efficiency.js';
import { type Figure, point } from './figure.js';
import { type Trainer, trainedPolicy } from './trained-policies.js';

const SERVERS = [3, 4, 5];

/** Fig. 17: DRLoS for 3, 4 and 5 servers that work on `capacity` tasks each, against the number of tasks. */
export async function availability(
  settings: Settings,
  capacity: number,
  trainer: Trainer,
  { seeds, iterations, episodes }: ConvergenceOptions,
): Promise<Figure[]> {
  const lines: { name: string; points: { x: number; measures: Estimates }[] }[] = [];
  for (const count of SERVERS) {
    const servers = Array.from({ length: count }, () => ({ capacity }));
    const unfit = createWorld(resolveSettings({ ...settings, servers }));
    // Slots for all tasks of a step at the highest load, or these would bound what more servers can do.
    const slots = Math.ceil(1.1 * tasksPerStep(unfit, LOADS[LOADS.length - 1]));
    const world = createWorld({ ...unfit.settings, slots });
    const measured: { policy: ReturnType<typeof policyOf>; seed: number }[] = [];
    for (const seed of seeds) {
      const plan = paperPlan('drlos', seed, iterations);
      const { trained } = await trainedPolicy(trainer, `drlos-${count}x${capacity}-${seed}`, world, plan);
      measured.push({ policy: policyOf(trained), seed });
    }
    const points = LOADS.map((load) => {
      const loaded = atLoad(world, load);
      return {
        x: tasksPerStep(world, load),
        measures: estimates(measured.map(({ policy, seed }) => simulate(loaded, policy, seed, episodes))),
      };
    });
    lines.push({ name: `${count} servers`, points });
  }
  const figure = (id: string, title: string, yName: string, of: 'variance' | 'meanMs', log = false): Figure => ({
    id,
    title,
    xName: 'tasks that arrive in a step',
    yName,
    log,
    series: lines.map(({ name, points }) => ({
      name,
      points: points.map(({ x, measures }) => point(x, measures[of])),
    })),
  });
  return [
    figure('fig-17a', 'Variance of the utilisation by number of servers', 'variance of utilisation', 'variance', true),
    figure('fig-17b', 'Mean latency by number of servers', 'mean latency (ms)', 'meanMs'),
  ];
}
