import { checkOutcomes, count, type Outcomes } from './outcomes.js';

/**
 * All possible results of a threshold on given samples. At point i the samples with the i lowest distinct entropies exit
 * early. At point 0 no sample does; at the last point all do, except samples with entropy 1 (S < τ <= 1).
 */
export interface Curve {
  readonly samples: number;
  /** Samples that the full branch classifies correctly. */
  readonly fullHits: number;
  /** The distinct entropies, ascending. */
  readonly entropy: Float64Array;
  /** A threshold for each point: midway between two entropies, so that rounding to single precision changes nothing. */
  readonly tau: Float64Array;
  /** Samples that exit early at each point. */
  readonly exits: Uint32Array;
  /** Early exits that the branch classifies wrongly and the full branch correctly. */
  readonly harmful: Uint32Array;
  /** Early exits that the branch classifies correctly and the full branch wrongly. */
  readonly helpful: Uint32Array;
}

/** The exact curve, O(n log n). @throws UserError for invalid outcomes. */
export function thresholdCurve(outcomes: Outcomes): Curve {
  checkOutcomes(outcomes);
  const { entropy, branchRight, fullRight } = outcomes;
  // Sorting plain lists of numbers is several times faster than sorting sample indices by their entropy.
  const all = Float64Array.from(entropy).sort();
  const harmfulEntropy = entropy.filter((_, i) => branchRight[i] < fullRight[i]).sort();
  const helpfulEntropy = entropy.filter((_, i) => branchRight[i] > fullRight[i]).sort();

  const distinct = withoutRepeats(all);
  const points = 1 + distinct.length - (distinct[distinct.length - 1] === 1 ? 1 : 0);
  const tau = new Float64Array(points);
  for (let i = 1; i < points; i++) tau[i] = between(distinct[i - 1], i < distinct.length ? distinct[i] : 1);
  return {
    samples: entropy.length,
    fullHits: count(fullRight),
    entropy: distinct,
    tau,
    exits: countBelow(all, tau),
    harmful: countBelow(harmfulEntropy, tau),
    helpful: countBelow(helpfulEntropy, tau),
  };
}

/** Samples that both branches together classify correctly at a point. */
export function hitsAt(curve: Curve, point: number): number {
  return curve.fullHits + curve.helpful[point] - curve.harmful[point];
}

/** Collaborative accuracy and share of early exits at a point. */
export function measuresAt(curve: Curve, point: number): { accuracy: number; exitRatio: number } {
  return { accuracy: hitsAt(curve, point) / curve.samples, exitRatio: curve.exits[point] / curve.samples };
}

/** The point of a threshold in [0, 1]: the number of distinct entropies below it. */
export function pointOf(curve: Curve, tau: number): number {
  let low = 0;
  let high = curve.entropy.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (curve.entropy[middle] < tau) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A number in (lower, upper], midway if floating point has a number between them. */
function between(lower: number, upper: number): number {
  const middle = (lower + upper) / 2;
  return middle > lower ? middle : upper;
}

function withoutRepeats(sorted: Float64Array): Float64Array {
  const distinct = new Float64Array(sorted.length);
  let length = 0;
  for (let i = 0; i < sorted.length; i++) if (i === 0 || sorted[i] !== sorted[i - 1]) distinct[length++] = sorted[i];
  return distinct.slice(0, length);
}

/** The number of sorted values below each of the ascending thresholds. */
function countBelow(sorted: Float32Array | Float64Array, thresholds: Float64Array): Uint32Array {
  const counts = new Uint32Array(thresholds.length);
  let below = 0;
  for (let i = 0; i < thresholds.length; i++) {
    while (below < sorted.length && sorted[below] < thresholds[i]) below++;
    counts[i] = below;
  }
  return counts;
}
