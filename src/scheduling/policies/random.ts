import { integer } from '../../base/random.js';
import type { Policy } from './policy.js';

/** Random (section 4.5): each task goes to a random running server, whatever its load. */
export const randomly: Policy = ({ capacity, waiting }, next, offers) => {
  offers.fill(0);
  if (capacity.every((places) => places === 0)) return;
  for (let slot = 0; slot < waiting; slot++) {
    let server = integer(next, offers.length);
    while (capacity[server] === 0) server = integer(next, offers.length);
    offers[server]++;
  }
};
