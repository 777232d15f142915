import { integer } from '../../base/random.js';
import { freeAt } from '../simulation/observation.js';
import type { Policy } from './policy.js';

/**
 * Power of two choices (Mitzenmacher 2001): for every task, two running servers are drawn at random; the task goes to the
 * one with the lower utilisation, or waits if that one is full.
 */
export const powerOfTwo: Policy = (observation, next, offers) => {
  const { capacity, load, waiting } = observation;
  offers.fill(0);
  const up = Array.from(capacity.keys()).filter((server) => capacity[server] > 0);
  if (up.length === 0) return;
  const utilisation = (server: number): number => (load[server] + offers[server]) / capacity[server];
  for (let slot = 0; slot < waiting; slot++) {
    const first = up[integer(next, up.length)];
    const second = up.length > 1 ? other(up, first, integer(next, up.length - 1)) : first;
    const server = utilisation(second) < utilisation(first) ? second : first;
    if (offers[server] + 1 <= freeAt(observation, server)) offers[server]++;
  }
};

/** The server at an index of the list without `first`; the last server takes its position. */
function other(up: readonly number[], first: number, at: number): number {
  return up[at] === first ? up[up.length - 1] : up[at];
}
