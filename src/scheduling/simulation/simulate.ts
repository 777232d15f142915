import { random } from '../../base/random.js';
import type { Policy } from '../policies/policy.js';
import { type Estimate, estimate } from '../statistics.js';
import { drawTasks } from '../tasks/draw-tasks.js';
import type { TaskSet } from '../tasks/task-set.js';
import type { World } from '../world.js';
import { runEpisode } from './run-episode.js';
import type { Summary } from './summary.js';

/** Random streams of a seed: each purpose has its own. */
export const STREAM = { tasks: 1, policy: 2, trainingTasks: 3, trainingPolicy: 4, initial: 5, scale: 6 } as const;

/** The mean of each measure: over episodes, or over seeds with a confidence interval. */
export type Means = { readonly [Name in keyof Summary]: number };
export type Estimates = { readonly [Name in keyof Summary]: Estimate };

/**
 * Simulates a policy on the task sets of a seed. The task sets depend only on settings and seed, so all policies see the
 * same arrivals.
 *
 * @param trace replayed in one episode instead of random tasks.
 */
export function simulate(world: World, policy: Policy, seed: number, episodes: number, trace?: TaskSet): Means {
  const summaries = Array.from({ length: trace ? 1 : episodes }, (_, episode) => {
    const tasks = trace ?? drawTasks(world, random(seed, STREAM.tasks, episode));
    return runEpisode(world, tasks, policy, random(seed, STREAM.policy, episode));
  });
  return overNames(summaries, (values) => values.reduce((sum, value) => sum + value, 0) / values.length);
}

/** Means over several seeds with their 95 % intervals. */
export const estimates = (means: readonly Means[]): Estimates => overNames(means, estimate);

function overNames<Result>(rows: readonly Means[], of: (values: number[]) => Result): Record<keyof Summary, Result> {
  const names = Object.keys(rows[0]) as (keyof Summary)[];
  return Object.fromEntries(names.map((name) => [name, of(rows.map((row) => row[name]))])) as Record<
    keyof Summary,
    Result
  >;
}
