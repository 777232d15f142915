import { permutation, random } from '../base/random.js';
import { type Curve, hitsAt, pointOf, thresholdCurve } from './curve.js';
import type { ObjectiveName, TauLimits } from './objectives.js';
import { type Outcomes, subset } from './outcomes.js';
import { type MethodName, SEARCH_METHODS } from './search.js';

/** Over the folds; `std` is the sample standard deviation. */
export interface MeanAndRange {
  readonly mean: number;
  readonly std: number;
  readonly min: number;
  readonly max: number;
}

/** How much τ and what it does depend on the validation samples. */
export interface FoldResults {
  readonly count: number;
  /** Samples that each τ was tuned on: those of the smallest fold. */
  readonly samples: number;
  /** The ε of the folds, where the objective has one: fewer samples can prove less. */
  readonly epsilon?: number;
  readonly tau: MeanAndRange;
  /** Collaborative accuracy and exit ratio on the samples outside the fold. */
  readonly accuracy: MeanAndRange;
  readonly exitRatio: MeanAndRange;
}

/**
 * Tunes on each of `count` random folds, the paper's several validation sets, and judges on the samples outside it.
 *
 * @param whole the curve of all the outcomes.
 */
export function tuneOnFolds(
  outcomes: Outcomes,
  whole: Curve,
  how: { method: MethodName; objective: ObjectiveName; limits: TauLimits; count: number; seed: number },
): FoldResults {
  const folds = foldsOf(whole.samples, how.count, how.seed).map(({ inside }) => {
    const part = thresholdCurve(subset(outcomes, inside));
    const { tau, point, epsilon } = SEARCH_METHODS[how.method](part, how.objective, how.limits);
    // Outside the fold is what all the samples do at this threshold, less what the fold's do.
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

/** The samples as random folds of nearly one size: those of each, and those outside it. */
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
