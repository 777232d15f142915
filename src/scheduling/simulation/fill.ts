/**
 * Distributes `waiting` tasks over the servers. If there are enough tasks, every server gets what it offers; otherwise the
 * tasks are shared in proportion to the offers, rounded by the largest remainder. No server gets more than it offers.
 *
 * @param offers a whole number for each server. @param taken receives the result.
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
  // Fewer tasks than servers are left: they go to the servers with the largest remainders.
  const remainder = (i: number): number => (offers[i] * waiting) / offered - taken[i];
  for (; left > 0; left--) {
    let largest = -1;
    for (let i = 0; i < offers.length; i++) {
      if (taken[i] < offers[i] && (largest < 0 || remainder(i) > remainder(largest))) largest = i;
    }
    taken[largest]++;
  }
}

/** Distributes tasks in order: each takes an offer of the closest server that still has one. */
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
