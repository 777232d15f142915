import { type Curve, hitsAt, pointOf } from './curve.js';

/** Thresholds are integer multiples of the finest step, so that steps add up without rounding. */
const UNITS = 100_000;
/** The rates 0.1, 0.01, 0.001, 0.0001, 0.00001. */
const RATES = [10_000, 1_000, 100, 10, 1];
const MOST_ITERATIONS = 600;

/**
 * The paper's search for the highest collaborative accuracy (Algorithm 2, as described in 3.1.3). Starting at 0.5, for
 * each rate: step while the accuracy doesn't decrease, reverse when it does, and use the next finer rate when neither
 * direction helps. Ties prefer more exits. This is a local search; `exact` finds the true optimum.
 */
export function algorithm2(curve: Curve): { tau: number; point: number; iterations: number } {
  const pointAt = (units: number) => {
    const point = pointOf(curve, units / UNITS);
    return { units, point, hits: hitsAt(curve, point) };
  };
  let best = pointAt(UNITS / 2);
  let direction = 1;
  let iterations = 0;
  for (const rate of RATES) {
    for (let turns = 0; turns < 2; turns++, direction = -direction) {
      let at = best;
      while (iterations < MOST_ITERATIONS) {
        const next = pointAt(Math.min(UNITS, Math.max(0, at.units + direction * rate)));
        if (next.units === at.units) break;
        iterations++;
        if (next.hits < at.hits) break;
        at = next;
        if (at.hits > best.hits || (at.hits === best.hits && at.point > best.point)) best = at;
      }
    }
  }
  return { tau: best.units / UNITS, point: best.point, iterations };
}
