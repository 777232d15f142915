import { integer } from '../../base/random.js';
import { freeAt } from '../simulation/observation.js';
import type { Policy } from './policy.js';

/** Servers that are probed for each task, as in the paper's evaluation (d = 3). */
const PROBES = 3;
/** Probed servers above this quantile of the utilisation are hot (Q_RIF). */
const HOT_QUANTILE = 0.84;

/**
 * Prequal (Wydrowski et al., "Load is not what you should balance", NSDI 2024): every task probes a few random servers for
 * their requests in flight and their latency. Servers whose requests in flight are above a quantile of all servers' are hot.
 * Among the cold ones, the lowest latency wins; if all are hot, the fewest requests in flight win (the hot-cold
 * lexicographic rule). Here, the estimated latency is the expected time of a task: 1 / speed while the server has room, and
 * longer in proportion to its load beyond its capacity.
 */
export const prequal: Policy = (observation, next, offers) => {
  const { capacity, load, speed, waiting } = observation;
  offers.fill(0);
  const up = Array.from(capacity.keys()).filter((server) => capacity[server] > 0);
  if (up.length === 0) return;
  const utilisation = (server: number): number => (load[server] + offers[server]) / capacity[server];
  const latency = (server: number): number => Math.max(1, utilisation(server)) / speed[server];
  for (let slot = 0; slot < waiting; slot++) {
    const sorted = up.map(utilisation).sort((a, b) => a - b);
    const hot = sorted[Math.min(sorted.length - 1, Math.floor(HOT_QUANTILE * sorted.length))];
    const isCold = (server: number): boolean => utilisation(server) < hot || utilisation(server) === sorted[0];
    let best = probe(up, next);
    for (let i = 1; i < PROBES; i++) {
      const other = probe(up, next);
      const isBetter =
        isCold(other) !== isCold(best)
          ? isCold(other)
          : isCold(other)
            ? latency(other) < latency(best) ||
              (latency(other) === latency(best) && utilisation(other) < utilisation(best))
            : utilisation(other) < utilisation(best);
      if (isBetter) best = other;
    }
    if (offers[best] + 1 <= freeAt(observation, best)) offers[best]++;
  }
};

const probe = (up: readonly number[], next: () => number): number => up[integer(next, up.length)];
