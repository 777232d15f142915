import { freeAt } from '../simulation/observation.js';
import type { Policy } from './policy.js';

/** Least-loaded: each task goes to the server with the lowest utilisation, counting the tasks assigned in this step. */
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
    if (best < 0) return; // all servers are full: the rest waits
    offers[best]++;
  }
};
