/**
 * Tasks that each server is given, where the servers offer to take `offers` and `waiting` tasks are there: all that is
 * offered, or the tasks in proportion to the offers, rounded by largest remainder. Never more than a server offers.
 *
 * @param offers whole numbers. @param taken receives the result.
 */
export function fillInProportion(offers: Float64Array, waiting: number, taken: Int32Array): void {
  let offered = 0;
  for (const offer of offers) offered += offer;
  if (offered <= waiting) {
    taken.set(offers);
    return;
  }
  let left = waiting;
  for (let i = 0; i < offers.length; i++) {
    taken[i] = Math.floor((offers[i] * waiting) / offered);
    left -= taken[i];
  }
  // As many servers as tasks are left at most: each takes one of the largest remainders.
  const remainder = (i: number): number => (offers[i] * waiting) / offered - taken[i];
  for (; left > 0; left--) {
    let largest = -1;
    for (let i = 0; i < offers.length; i++) {
      if (taken[i] < offers[i] && (largest < 0 || remainder(i) > remainder(largest))) largest = i;
    }
    taken[largest]++;
  }
}

/** The same where every task, in order, takes the offer of its closest server that has one left. */
export function fillNearest(
  offers: Float64Array,
  waiting: number,
  places: Uint8Array,
  nearest: Int32Array,
  taken: Int32Array,
): void {
  const servers = offers.length;
  taken.fill(0);
  for (let slot = 0; slot < waiting; slot++) {
    for (let rank = 0; rank < servers; rank++) {
      const server = nearest[places[slot] * servers + rank];
      if (taken[server] >= offers[server]) continue;
      taken[server]++;
      break;
    }
  }
}
