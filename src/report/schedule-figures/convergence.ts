import type { IterationReport } from '../../scheduling/learning/train.js';
import { type Plan, resolvePlan } from '../../scheduling/learning/training-plan.js';
import { RULES } from '../../scheduling/policies/index.js';
import { simulate } from '../../scheduling/simulation/simulate.js';
import { estimate } from '../../scheduling/statistics.js';
import type { World } from '../../scheduling/world.js';
import { type Figure, type Point, point } from './figure.js';
import { type Trainer, trainedPolicy } from './trained-policies.js';

/** Number of points of a learning curve. Each is the mean over an equal number of iterations. */
const POINTS = 30;
const LEARNED = ['drlos', 'q-learning'] as const;

export interface ConvergenceOptions {
  readonly seeds: readonly number[];
  readonly iterations: number;
  /** Number of episodes to evaluate rules on (20 in the paper). */
  readonly episodes: number;
}

/** Fig. 15: S_t² and the sum of rewards during training. Rules don't learn: they are horizontal lines. */
export async function convergence(world: World, trainer: Trainer, options: ConvergenceOptions): Promise<Figure[]> {
  const { seeds, iterations, episodes } = options;
  const curves: { name: string; variance: Point[]; reward: Point[] }[] = [];
  for (const method of LEARNED) {
    const runs: IterationReport[][] = [];
    for (const seed of seeds) {
      const { reports } = await trainedPolicy(trainer, `${method}-${seed}`, world, paperPlan(method, seed, iterations));
      runs.push(reports);
    }
    curves.push({ name: method, variance: curve(runs, 'variance'), reward: curve(runs, 'reward') });
  }
  const [first, last] = [curves[0].variance[0].x, curves[0].variance[curves[0].variance.length - 1].x];
  const levels = Object.entries(RULES).map(([name, make]) => {
    const variance = estimate(seeds.map((seed) => simulate(world, make(world.settings), seed, episodes).variance));
    return { name, points: [point(first, variance), point(last, variance)] };
  });
  const axis = { xName: 'iteration' };
  return [
    {
      ...axis,
      id: 'fig-15a',
      title: 'Variance of the utilisation as training goes on',
      yName: 'variance of utilisation',
      log: true,
      series: [...curves.map(({ name, variance }) => ({ name, points: variance })), ...levels],
    },
    {
      ...axis,
      id: 'fig-15b',
      title: 'Sum of the rewards of an episode as training goes on',
      yName: 'cost of an episode (−reward)',
      log: true,
      series: curves.map(({ name, reward }) => ({
        name,
        points: reward.map(({ x, mean, half }) => ({ x, mean: -mean, half })),
      })),
    },
  ];
}

/** The training plan of the paper (section 4.5) for a method. */
export const paperPlan = (method: Plan['method'], seed: number, iterations: number): Plan =>
  resolvePlan({ method, seed, iterations });

function curve(runs: readonly (readonly IterationReport[])[], of: 'variance' | 'reward'): Point[] {
  const window = Math.max(1, Math.floor(runs[0].length / POINTS));
  const points: Point[] = [];
  for (let from = 0; from + window <= runs[0].length; from += window) {
    const means = runs.map(
      (run) => run.slice(from, from + window).reduce((sum, report) => sum + report[of], 0) / window,
    );
    points.push(point(from + window, estimate(means)));
  }
  return points;
}
