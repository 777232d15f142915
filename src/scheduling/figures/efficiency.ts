import { RULES } from '../policies/index.js';
import type { Policy } from '../policies/policy.js';
import { policyOf } from '../policy-file.js';
import { resolveSettings } from '../settings.js';
import { type Estimates, estimates, simulate } from '../simulation/simulate.js';
import { createWorld, type World } from '../world.js';
import { type ConvergenceOptions, paperPlan } from './convergence.js';
import { type Figure, point } from './figure.js';
import { type Trainer, trainedPolicy } from './trained-policies.js';

export const LOADS = [0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.3];

/** Tasks of a step at such a load, as the axis of the paper's figures has them. */
export const tasksPerStep = ({ workPerStep, meanWork }: World, load: number): number =>
  Math.round((load * workPerStep) / meanWork);

/** The same world at another load. */
export const atLoad = ({ settings }: World, load: number): World => createWorld(resolveSettings({ ...settings, load }));

/** Fig. 16a, b: variance and latency against the number of tasks. DRLoS and Q-learning are those of Fig. 15. */
export async function efficiency(
  world: World,
  trainer: Trainer,
  { seeds, iterations, episodes }: ConvergenceOptions,
): Promise<Figure[]> {
  const contestants: { name: string; policyOfSeed: (seed: number) => Promise<Policy> }[] = [
    ...(['drlos', 'q-learning'] as const).map((method) => ({
      name: method,
      policyOfSeed: async (seed: number) => {
        const plan = paperPlan(method, seed, iterations);
        return policyOf((await trainedPolicy(trainer, `${method}-${seed}`, world, plan)).trained);
      },
    })),
    ...Object.entries(RULES).map(([name, make]) => ({ name, policyOfSeed: async () => make(world.settings) })),
  ];
  const lines: { name: string; measured: { x: number; measures: Estimates }[] }[] = [];
  for (const { name, policyOfSeed } of contestants) {
    const policies = await Promise.all(seeds.map(policyOfSeed));
    const measured = LOADS.map((load) => ({
      x: tasksPerStep(world, load),
      measures: estimates(seeds.map((seed, i) => simulate(atLoad(world, load), policies[i], seed, episodes))),
    }));
    lines.push({ name, measured });
  }
  const figure = (id: string, title: string, yName: string, of: 'variance' | 'meanMs', log = false): Figure => ({
    id,
    title,
    xName: 'tasks that arrive in a step',
    yName,
    log,
    series: lines.map(({ name, measured }) => ({
      name,
      points: measured.map(({ x, measures }) => point(x, measures[of])),
    })),
  });
  return [
    figure(
      'fig-16a',
      'Variance of the utilisation against the number of tasks',
      'variance of utilisation',
      'variance',
      true,
    ),
    figure('fig-16b', 'Mean latency against the number of tasks', 'mean latency (ms)', 'meanMs'),
  ];
}
