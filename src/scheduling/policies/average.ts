import { integer } from '../../base/random.js';
import type { Policy } from './policy.js';

/** Average (section 4.5): every running server gets the same number of tasks, whatever its load; a remainder is drawn. */
export const average: Policy = ({ capacity, waiting }, next, offers) => {
  const up = capacity.reduce((count, places) => count + (places > 0 ? 1 : 0), 0);
  const first = integer(next, Math.max(1, up));
  let rank = 0;
  for (let server = 0; server < offers.length; server++) {
    if (capacity[server] === 0) {
      offers[server] = 0;
      continue;
    }
    const turn = (rank++ - first + up) % up;
    offers[server] = Math.floor(waiting / up) + (turn < waiting % up ? 1 : 0);
  }
};
