import { freeAt } from '../simulation/observation.js';
import type { Policy } from './policy.js';

/** Fastest: each task goes to the fastest server with free capacity; ties go to the one with the lowest utilisation. */
export const fastest: Policy = (observation, _next, offers) => {
  const { capacity, load, speed, waiting } = observation;
  offers.fill(0);
  for (let slot = 0; slot < waiting; slot++) {
    let best = -1;
    for (let server = 0; server < offers.length; server++) {
      if (offers[server] + 1 > freeAt(observation, server)) continue;
      const utilisation = (at: number): number => (load[at] + offers[at]) / capacity[at];
      const better =
        best < 0 ||
        speed[server] > speed[best] ||
        (speed[server] === speed[best] && utilisation(server) < utilisation(best));
      if (better) best = server;
    }
    if (best < 0) return;
    offers[best]++;
  }
};
