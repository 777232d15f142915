import { freeAt } from '../simulation/observation.js';
import type { Policy } from './policy.js';

/** Least-loaded: one task after the other to the server with the lowest utilisation, counting those just given out. */
export const leastLoaded: Policy = (observation, _next, offers) => {
  const { capacity, load, waiting } = observation;
  offers.fill(0);
  for (let slot = 0; slot < waiting; slot++) {
    let best = -1;
    let lowest = Number.POSITIVE_INFINITY;
    for (let server = 0; server < offers.length; server++) {
      if (offers[server] + 1 > freeAt(observation, server)) continue;
      const utilisation = (load[server] + offers[server]) / capacity[server];
      if (utilisation >= lowest) continue;
      lowest = utilisation;
      best = server;
    }
    if (best < 0) return; // all are full: the rest waits for whoever is free first
    offers[best]++;
  }
};
