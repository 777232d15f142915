import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sum } from '../base/statistics.js';
import { type DesignTimes, expectedLatency, neededExitRatio, paperExpectation, wayTimes } from './latency.js';

const milliseconds = fc.double({ min: 0, max: 1e4, noNaN: true });
const exitTimes = fc.record({ downloadMs: milliseconds, trunkMs: milliseconds, branchMs: milliseconds });
const designTimes = (exits: number): fc.Arbitrary<DesignTimes> =>
  fc.record({
    exits: fc.array(exitTimes, { minLength: exits, maxLength: exits }),
    uplinkMs: milliseconds,
    edgeMs: milliseconds,
  });
const share = fc.double({ min: 0, max: 1, noNaN: true });

/** A design, and a probability for every pattern of exits that are sure of a sample: bit i of the pattern is exit i. */
const patterns = fc.integer({ min: 1, max: 4 }).chain((exits) =>
  fc.record({
    times: designTimes(exits),
    probabilities: fc
      .array(fc.integer({ min: 0, max: 1000 }), { minLength: 2 ** exits, maxLength: 2 ** exits })
      .filter((counts) => sum(counts) > 0)
      .map((counts) => counts.map((count) => count / sum(counts))),
  }),
);

/** Latency of one sample, step by step: exits in order until one is sure, else the edge. */
function simulate({ exits, uplinkMs, edgeMs }: DesignTimes, pattern: number): number {
  let passed = 0;
  for (const { downloadMs } of exits) passed += downloadMs;
  for (const [i, { trunkMs, branchMs }] of exits.entries()) {
    passed += trunkMs + branchMs;
    if ((pattern >> i) & 1) return passed;
  }
  return passed + uplinkMs + edgeMs;
}

describe('expectedLatency', () => {
  it('is the mean over all patterns of exits, whatever their dependence', () => {
    fc.assert(
      fc.property(patterns, ({ times, probabilities }) => {
        const enumerated = sum(probabilities.map((p, pattern) => p * simulate(times, pattern)));
        const ratios = times.exits.map((_, exit) =>
          sum(probabilities.filter((_, pattern) => pattern % 2 ** (exit + 1) === 2 ** exit)),
        );
        expect(expectedLatency(times, ratios)).toBeCloseTo(enumerated, 6);
      }),
    );
  });

  it('lies between the shortest and the longest way', () => {
    fc.assert(
      fc.property(designTimes(3), fc.tuple(share, share, share), (times, [a, b, c]) => {
        const ratios = [a, (1 - a) * b, (1 - a) * (1 - b) * c];
        const ways = wayTimes(times);
        const expected = expectedLatency(times, ratios);
        expect(expected).toBeGreaterThanOrEqual(Math.min(...ways) - 1e-6);
        expect(expected).toBeLessThanOrEqual(Math.max(...ways) + 1e-6);
      }),
    );
  });
});

describe('paperExpectation', () => {
  it('is Eq. 13 for one branch, and then the law of total expectation', () => {
    fc.assert(
      fc.property(designTimes(1), share, fc.double({ min: 0.01, max: 1, noNaN: true }), (times, accuracy, full) => {
        const [{ downloadMs, trunkMs, branchMs }] = times.exits;
        const p = Math.min(1, accuracy / full);
        const tb = downloadMs + trunkMs + branchMs;
        const eq13 = p * tb + (1 - p) * (times.edgeMs + times.uplinkMs + tb);
        const paper = paperExpectation(times, { branches: [accuracy], full });
        expect(paper.milliseconds).toBeCloseTo(eq13, 6);
        expect(paper.milliseconds).toBeCloseTo(expectedLatency(times, [p]), 6);
        expect(sum(paper.weights)).toBeCloseTo(1, 12);
      }),
    );
  });

  it('is Eq. 17 for the difference between two branches and one', () => {
    fc.assert(
      fc.property(designTimes(2), share, share, (times, p1, p2) => {
        fc.pre(p1 <= p2);
        const pm = 1;
        const [first, second] = times.exits;
        const t1 = first.downloadMs + first.trunkMs + first.branchMs;
        const t2 = t1 + second.downloadMs + second.trunkMs + second.branchMs;
        const q2 = (p2 - p1) / pm;
        const edge = times.edgeMs + times.uplinkMs; // the same uplink for both here
        const eq17 = (1 - p1 / pm) * (q2 * t2 + (1 - q2) * (edge + t1 + t2) - (edge + t1));
        const two = paperExpectation(times, { branches: [p1, p2], full: pm });
        const one = paperExpectation({ ...times, exits: [first] }, { branches: [p1], full: pm });
        expect(two.milliseconds - one.milliseconds).toBeCloseTo(eq17, 6);
      }),
    );
  });

  it('sends more to the edge than Eq. 11 says, and counts the first branch again for them', () => {
    const exit = { downloadMs: 0, trunkMs: 0, branchMs: 10 };
    const times = { exits: [exit, exit], uplinkMs: 100, edgeMs: 0 };
    const { weights, milliseconds } = paperExpectation(times, { branches: [0.8, 0.9], full: 1 });
    // Of 100 samples, 80 leave at the first exit and 10 at the second; Eq. 14 lets 20 % of those 10 leave there.
    expect(weights).toEqual([0.8, expect.closeTo(0.02), expect.closeTo(0.18)]);
    expect(milliseconds).toBeCloseTo(0.8 * 10 + 0.02 * 20 + 0.18 * (100 + 10 + 20));
    expect(expectedLatency(times, [0.8, 0.1])).toBeCloseTo(0.8 * 10 + 0.1 * 20 + 0.1 * (100 + 20));
  });
});

it('neededExitRatio gives the ratio at which a design has that latency', () => {
  fc.assert(
    fc.property(designTimes(1), share, (times, ratio) => {
      fc.pre(times.uplinkMs + times.edgeMs > 1);
      expect(neededExitRatio(times, expectedLatency(times, [ratio]))).toBeCloseTo(ratio, 6);
    }),
  );
});
