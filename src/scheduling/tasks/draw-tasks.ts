import { integer, type Random } from '../../base/random.js';
import type { World } from '../world.js';
import type { TaskSet } from './task-set.js';

/**
 * Bernoulli arrivals (4.5): in every step each user asks or does not. There are users enough for twice the work that all
 * servers can do, so that each asks with half the load. Where they are, a crowd decides that moves around the servers.
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

/** Shares of the users at each place, summed up. */
function crowd({ settings, servers }: World, step: number, phase: number): number[] {
  let sum = 0;
  const shares = Array.from({ length: servers }, (_, place) => {
    const turn = step / settings.crowdPeriod + phase - place / servers;
    sum += Math.exp(settings.skew * Math.cos(2 * Math.PI * turn));
    return sum;
  });
  return shares.map((share) => share / sum);
}

function pick(cumulative: readonly number[], at: number, places: number): number {
  let place = 0;
  while (place < places - 1 && at >= cumulative[place]) place++;
  return place;
}
