import { integer } from '../../base/random.js';
import { freeAt } from '../simulation/observation.js';
import type { Policy } from './policy.js';

/**
 * Power of two choices (Mitzenmacher 2001): every task looks at two servers that are up, drawn at random, and goes to the
 * one with the lower utilisation; it waits where both are full.
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

/** One of the others, of which there is one less. */
function other(up: readonly number[], first: number, at: number): number {
  return up[at] === first ? up[up.length - 1] : up[at];
}
