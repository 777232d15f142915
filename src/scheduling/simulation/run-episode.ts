import type { Random } from '../../base/random.js';
import type { Policy } from '../policies/policy.js';
import type { TaskSet } from '../tasks/task-set.js';
import type { World } from '../world.js';
import { beginStep } from './begin-step.js';
import { dispatchTasks } from './dispatch-tasks.js';
import { createEpisode, isDone } from './episode.js';
import { type Summary, summarise } from './summary.js';

/** Simulates a policy on a task set until every task has a server. @param next random numbers for the policy */
export function runEpisode(world: World, tasks: TaskSet, policy: Policy, next: Random): Summary {
  const episode = createEpisode(world, tasks);
  const offers = new Float64Array(world.servers);
  const sums = { variance: 0, utilisation: 0, energy: 0 };
  const totalCapacity = world.capacity.reduce((sum, capacity) => sum + capacity, 0);
  while (!isDone(episode)) {
    beginStep(episode);
    policy(episode.observation, next, offers);
    dispatchTasks(episode, offers);
    sums.energy += episode.costs.energy;
    if (episode.step > tasks.steps) continue;
    sums.variance += episode.costs.variance;
    sums.utilisation += episode.running.reduce((sum, count) => sum + count, 0) / totalCapacity;
  }
  return summarise(episode, sums);
}
