import { emptyIntoCloud, leaveBuffer, returnToBuffer } from './buffer.js';
import { utilisationVariance } from './costs.js';
import type { Episode } from './episode.js';
import { fillInProportion, fillNearest } from './fill.js';
import { sendTask } from './start-task.js';

/**
 * The second half of a step: sends the tasks in the slots to servers, in order of arrival, each to the closest server
 * that still has an offer. Computes `episode.costs`.
 *
 * @param offers a whole number from 0 for each server: the tasks it may be given. Tasks without an offer stay.
 */
export function dispatchTasks(episode: Episode, offers: Float64Array): void {
  const { world, observation, taken, buffer, tasks } = episode;
  const { waiting, places } = observation;
  if (world.settings.filling === 'nearest') fillNearest(offers, waiting, places, world.nearest, taken);
  else fillInProportion(offers, waiting, taken);
  let count = 0;
  for (const share of taken) count += share;
  for (let slot = 0, at = episode.bufferHead; slot < count; slot++) {
    const first = places[slot] * world.servers;
    let rank = 0;
    while (taken[world.nearest[first + rank]] === 0) rank++;
    const server = world.nearest[first + rank];
    taken[server]--;
    sendTask(episode, buffer[at], server);
    if (++at === buffer.length) at = 0;
  }
  leaveBuffer(episode, count);
  for (let task = episode.bounced.pop(); task !== undefined; task = episode.bounced.pop())
    returnToBuffer(episode, task);
  // Stop a policy that has stalled: send the rest to the cloud.
  if (episode.step >= 2 * tasks.steps + 100) emptyIntoCloud(episode);
  closeCosts(episode);
  episode.step++;
}

/** Turns the sums of a step into the costs that `StepCosts` describes. */
function closeCosts({ world, running, up, costs }: Episode): void {
  const tasksPerStep = world.workPerStep / world.meanWork;
  costs.variance = utilisationVariance(running, world.capacity, up);
  costs.latency /= tasksPerStep;
  costs.late /= tasksPerStep;
  costs.cloud /= tasksPerStep;
  let watts = 0;
  let most = 0;
  for (let i = 0; i < world.servers; i++) {
    const { idleWatts, fullWatts } = world.settings.servers[i];
    if (running[i] > 0) watts += idleWatts + ((fullWatts - idleWatts) * running[i]) / world.capacity[i];
    most += fullWatts;
  }
  costs.energy = most > 0 ? watts / most : 0;
}
