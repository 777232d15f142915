import { Z_95 } from './confidence-interval.js';

/** Agreement of two classifiers on the same samples. */
export interface PairedComparison {
  readonly bothRight: number;
  readonly onlyFirst: number;
  readonly onlySecond: number;
  readonly bothWrong: number;
  /** Probability of a difference at least this large if both are equally good. */
  readonly pValue: number;
}

/** Compares two classifiers on the same samples. @param first 1 if the first one is right, else 0; `second` likewise */
export function pairedComparison(first: Uint8Array, second: Uint8Array): PairedComparison {
  const counts = [0, 0, 0, 0];
  for (let i = 0; i < first.length; i++) counts[2 * first[i] + second[i]]++;
  const [bothWrong, onlySecond, onlyFirst, bothRight] = counts;
  return { bothRight, onlyFirst, onlySecond, bothWrong, pValue: mcnemar(onlyFirst, onlySecond) };
}

/**
 * How much lower the accuracy of the first classifier is than that of the second (negative if it is higher), with a 95 %
 * confidence interval for paired samples: Wald's, with half a sample added to each cell (Agresti and Min 2005).
 */
export function accuracyDrop({ bothRight, onlyFirst, onlySecond, bothWrong }: PairedComparison): {
  value: number;
  interval: [low: number, high: number];
} {
  const samples = bothRight + onlyFirst + onlySecond + bothWrong;
  const [lost, won, n] = [onlySecond + 0.5, onlyFirst + 0.5, samples + 2];
  const centre = (lost - won) / n;
  const half = (Z_95 * Math.sqrt(lost + won - (lost - won) ** 2 / n)) / n;
  return { value: (onlySecond - onlyFirst) / samples, interval: [centre - half, centre + half] };
}

/**
 * McNemar's exact test (1947): if both classifiers are equally good, the samples that only one of them gets right are
 * divided like tosses of a fair coin. Two-sided p-value: min(1, 2 P(Bin(b + c, 1/2) <= min(b, c))).
 */
export function mcnemar(onlyFirst: number, onlySecond: number): number {
  const n = onlyFirst + onlySecond;
  // Terms as logarithms, because 2^-n underflows.
  let logTerm = -n * Math.LN2;
  let tail = 0;
  for (let k = 0; k <= Math.min(onlyFirst, onlySecond); k++) {
    tail += Math.exp(logTerm);
    logTerm += Math.log((n - k) / (k + 1));
  }
  return Math.min(1, 2 * tail);
}
