import type { Policy } from './policy.js';

/** Round-robin: the running servers take tasks in turn, whatever their load. */
export function roundRobin(): Policy {
  let turn = -1;
  return ({ capacity, waiting }, _next, offers) => {
    offers.fill(0);
    if (capacity.every((places) => places === 0)) return;
    for (let slot = 0; slot < waiting; slot++) {
      do turn = (turn + 1) % offers.length;
      while (capacity[turn] === 0);
      offers[turn]++;
    }
  };
}
