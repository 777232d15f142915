import { freeAt } from '../simulation/observation.js';
import type { Policy } from './policy.js';

/** Closest (section 4.5): each task goes to the closest server with free capacity. */
export const closest: Policy = (observation, _next, offers) => {
  const { waiting, places, nearest } = observation;
  const servers = offers.length;
  offers.fill(0);
  for (let slot = 0; slot < waiting; slot++) {
    for (let rank = 0; rank < servers; rank++) {
      const server = nearest[places[slot] * servers + rank];
      if (offers[server] + 1 > freeAt(observation, server)) continue;
      offers[server]++;
      break;
    }
  }
};
