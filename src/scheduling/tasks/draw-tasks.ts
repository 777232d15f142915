import { integer, type Random } from '../../base/random.js';
import type { World } from '../world.js';
import type { TaskSet } from './task-set.js';

/**
 * Bernoulli arrivals (section 4.5): in every step, each user sends a task with a fixed probability. There are enough users
 * for twice the work that all servers can do, so the probability is half the load. A crowd of users moves around the
 * servers; at time t (in turns), the share of users closest to server i is proportional to
 * `exp(skew * cos(2π(t - i/N)))`, a von Mises density.
 */
export function drawTasks(world: World, next: Random): TaskSet {
  const { settings, servers, workPerStep, meanWork } = world;
  const { steps, load, service } = settings;
  const users = Math.max(1, Math.round((Math.max(2, load) * workPerStep) / meanWork));
  const probability = Math.min(1, (load * workPerStep) / meanWork / users);
  const phase = next();
  const firstOf = new Int32Array(steps + 1);
  const arrival: number[] = [];
  const work: number[] = [];
  const place: number[] = [];
  for (let step = 0; step < steps; step++) {
    firstOf[step] = arrival.length;
    const shares = crowd(world, step, phase);
    for (let user = 0; user < users; user++) {
      if (next() >= probability) continue;
      const [least, most] = next() < service.longShare ? service.long : service.short;
      arrival.push(step);
      work.push(least + integer(next, most - least + 1));
      place.push(pick(shares, next(), servers));
    }
  }
  firstOf[steps] = arrival.length;
  return {
    steps,
    firstOf,
    arrival: Int32Array.from(arrival),
    work: Float32Array.from(work),
    place: Uint8Array.from(place),
  };
}

/** Cumulative shares of the users that are closest to each server. */
function crowd({ settings, servers }: World, step: number, phase: number): number[] {
  let sum = 0;
  const shares = Array.from({ length: servers }, (_, place) => {
    const turn = step / settings.crowdPeriod + phase - place / servers;
    sum += Math.exp(settings.skew * Math.cos(2 * Math.PI * turn));
    return sum;
  });
  return shares.map((share) => share / sum);
}

/** The first index whose cumulative share is above a number in [0, 1). */
function pick(cumulative: readonly number[], drawn: number, count: number): number {
  let index = 0;
  while (index < count - 1 && drawn >= cumulative[index]) index++;
  return index;
}
