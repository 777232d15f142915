import { permutation, random } from '../base/random.js';
import { type Curve, hitsAt, pointOf, thresholdCurve } from './curve.js';
import { type Outcomes, subset } from './outcomes.js';
import type { SearchResult } from './search.js';

/** A summary over the folds; `std` is the sample standard deviation. */
export interface MeanAndRange {
  readonly mean: number;
  readonly std: number;
  readonly min: number;
  readonly max: number;
}

/** How much τ and its effect depend on the choice of validation samples. */
export interface FoldResults {
  readonly count: number;
  /** Samples in the smallest fold. */
  readonly samples: number;
  /** ε of the folds, if the objective has one. Fewer samples prove less, so it may be larger than the requested ε. */
  readonly epsilon?: number;
  readonly tau: MeanAndRange;
  /** Collaborative accuracy and exit ratio, measured on the samples outside the fold. */
  readonly accuracy: MeanAndRange;
  readonly exitRatio: MeanAndRange;
}

/**
 * Tunes on each of `count` random folds (the paper uses several validation sets), and measures on the other samples.
 *
 * @param whole the curve of all outcomes
 */
export function tuneOnFolds(
  outcomes: Outcomes,
  whole: Curve,
  how: {
    /** @param samples the fold's samples */
    search: (part: Outcomes, curve: Curve, samples: Int32Array) => SearchResult;
    count: number;
    seed: number;
  },
): FoldResults {
  const folds = foldsOf(whole.samples, how.count, how.seed).map(({ inside }) => {
    const chosen = subset(outcomes, inside);
    const part = thresholdCurve(chosen);
    const { tau, point, epsilon } = how.search(chosen, part, inside);
    // The samples outside the fold: all samples minus the fold's.
    const everywhere = pointOf(whole, tau);
    const outside = whole.samples - part.samples;
    return {
      samples: part.samples,
      epsilon,
      tau,
      accuracy: (hitsAt(whole, everywhere) - hitsAt(part, point)) / outside,
      exitRatio: (whole.exits[everywhere] - part.exits[point]) / outside,
    };
  });
  const smallest = folds.reduce((least, fold) => (fold.samples < least.samples ? fold : least));
  return {
    count: how.count,
    samples: smallest.samples,
    ...(smallest.epsilon === undefined ? {} : { epsilon: smallest.epsilon }),
    tau: meanAndRange(folds.map((fold) => fold.tau)),
    accuracy: meanAndRange(folds.map((fold) => fold.accuracy)),
    exitRatio: meanAndRange(folds.map((fold) => fold.exitRatio)),
  };
}

/** Divides the samples into random folds of nearly equal size; returns the samples inside and outside each fold. */
export function foldsOf(samples: number, count: number, seed: number): { inside: Int32Array; outside: Int32Array }[] {
  const order = permutation(random(seed), samples);
  return Array.from({ length: count }, (_, fold) => {
    const from = Math.floor((fold * samples) / count);
    const to = Math.floor(((fold + 1) * samples) / count);
    return { inside: order.subarray(from, to), outside: order.filter((_sample, at) => at < from || at >= to) };
  });
}

export function meanAndRange(values: readonly number[]): MeanAndRange {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, std: Math.sqrt(squares / (values.length - 1)), min: Math.min(...values), max: Math.max(...values) };
}
