import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { predictionStatistics, topConfusions } from './class-statistics.js';
import { shareInterval } from './confidence-interval.js';
import { mcnemar, pairedComparison } from './mcnemar.js';
import { collaborativePredictions, predictionsOf } from './predictions.js';

describe('the confidence interval of a share', () => {
  // Published values: Newcombe 1998 (Statistics in Medicine 17:857), Table I, method 3.
  it.each([
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ])('%d of %d', (hits, samples, low, high) => {
    const interval = shareInterval(hits, samples);
    expect(interval[0]).toBeCloseTo(low, 4);
    expect(interval[1]).toBeCloseTo(high, 4);
  });

  it('covers the true share in about 95 of 100 samples', () => {
    // Exact coverage: the sum of the binomial probabilities of all counts whose interval contains the share.
    for (const [samples, share] of [
      [100, 0.9],
      [400, 0.03],
    ]) {
      let term = (1 - share) ** samples;
      let covered = 0;
      for (let k = 0; k <= samples; k++) {
        const [low, high] = shareInterval(k, samples);
        if (low <= share && share <= high) covered += term;
        term *= ((samples - k) / (k + 1)) * (share / (1 - share));
      }
      expect(covered).toBeGreaterThan(0.92);
      expect(covered).toBeLessThan(0.98);
    }
  });
});

const CLASSES = 4;
const samples = fc.array(
  fc.tuple(
    fc.nat(CLASSES - 1),
    fc.array(fc.float({ min: -20, max: 20, noNaN: true }), { minLength: CLASSES, maxLength: CLASSES }),
  ),
  { minLength: 1, maxLength: 60 },
);

describe('statistics of predictions', () => {
  it('agree with counting sample by sample', () => {
    fc.assert(
      fc.property(samples, (drawn) => {
        const labels = drawn.map(([label]) => label);
        const logits = Float32Array.from(drawn.flatMap(([, row]) => row));
        const predicted = drawn.map((_, i) => {
          const row = [...logits.slice(i * CLASSES, (i + 1) * CLASSES)];
          return row.indexOf(Math.max(...row));
        });
        const { accuracy, perClass, confusion } = predictionStatistics(predictionsOf(logits, CLASSES), labels, CLASSES);
        const right = labels.filter((label, i) => predicted[i] === label).length;
        expect(accuracy).toBeCloseTo(right / labels.length, 12);
        for (let c = 0; c < CLASSES; c++) {
          const hits = labels.filter((label, i) => label === c && predicted[i] === c).length;
          const guesses = predicted.filter((guess) => guess === c).length;
          const count = labels.filter((label) => label === c).length;
          expect(perClass[c]).toEqual({
            precision: guesses === 0 ? null : hits / guesses,
            recall: count === 0 ? null : hits / count,
            count,
          });
        }
        expect(confusion.reduce((sum, [, , count]) => sum + count, 0)).toBe(labels.length);
        for (const [label, guess, count] of confusion) {
          expect(labels.filter((one, i) => one === label && predicted[i] === guess).length).toBe(count);
        }
      }),
    );
  });

  it('find a calibration error of 0 if every bin is as accurate as it is confident, and the gap otherwise', () => {
    const classes = Uint16Array.from({ length: 100 }, () => 0);
    const confidence = new Float64Array(100).fill(0.75);
    const labels = (right: number) => Array.from({ length: 100 }, (_, i) => (i < right ? 0 : 1));
    expect(predictionStatistics({ classes, confidence }, labels(75), 2).calibration.error).toBeCloseTo(0, 12);
    expect(predictionStatistics({ classes, confidence }, labels(50), 2).calibration.error).toBeCloseTo(0.25, 12);
  });

  it('list the most frequent mistakes first', () => {
    expect(
      topConfusions(
        [
          [0, 0, 90],
          [0, 1, 2],
          [1, 0, 5],
          [2, 1, 3],
        ],
        2,
      ),
    ).toEqual([
      [1, 0, 5],
      [2, 1, 3],
    ]);
  });
});

it('the system answers with the first exit below its threshold, else with the full branch', () => {
  const of = (classes: number[], entropy: number[] = []) => ({
    classes: Uint16Array.from(classes),
    confidence: Float64Array.from(classes, () => 0.5),
    entropy,
  });
  const { classes, early } = collaborativePredictions(
    of([9, 9, 9]),
    [of([1, 1, 1], [0.1, 0.6, 0.6]), of([2, 2, 2], [0.1, 0.1, 0.9])],
    [0.5, 0.5],
  );
  expect([...classes]).toEqual([1, 2, 9]);
  expect([...early]).toEqual([1, 1, 0]);
});

describe("McNemar's test", () => {
  it('is the two-sided sign test of the samples that only one gets right', () => {
    // By hand: 2 (1 + 10) / 2^10, and 2 (1 + 12 + 66) / 2^12.
    expect(mcnemar(1, 9)).toBeCloseTo(22 / 1024, 12);
    expect(mcnemar(10, 2)).toBeCloseTo(158 / 4096, 12);
    expect(mcnemar(0, 0)).toBe(1);
    expect(mcnemar(5, 5)).toBe(1);
  });

  it('is symmetric, and follows the normal approximation for many samples', () => {
    fc.assert(
      fc.property(fc.nat(3000), fc.nat(3000), (b, c) => {
        expect(mcnemar(b, c)).toBeCloseTo(mcnemar(c, b), 12);
      }),
    );
    // chi² = (|b - c| - 1)² / (b + c) = 3.8416 at p = 0.05.
    expect(mcnemar(5000, 5197)).toBeGreaterThan(0.045);
    expect(mcnemar(5000, 5197)).toBeLessThan(0.06);
  });

  it('counts every sample once', () => {
    const comparison = pairedComparison(Uint8Array.of(1, 1, 0, 0, 1), Uint8Array.of(1, 0, 1, 0, 0));
    expect(comparison).toEqual({ bothRight: 1, onlyFirst: 2, onlySecond: 1, bothWrong: 1, pValue: 1 });
  });
});
