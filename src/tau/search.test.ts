import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hitsAt, pointOf, thresholdCurve } from './curve.js';
import type { ObjectiveName, TauLimits } from './objectives.js';
import { collaborative, type Outcomes } from './outcomes.js';
import { SEARCH_METHODS } from './search.js';

const entropy = fc.oneof(
  fc.nat(8).map((eighths) => eighths / 8),
  fc.double({ min: 0, max: 1, noNaN: true }),
);
const anyOutcomes: fc.Arbitrary<Outcomes> = fc
  .array(fc.tuple(entropy, fc.nat(1), fc.constantFrom(0, 1, 1, 1)), { minLength: 1, maxLength: 60 })
  .map((samples) => ({
    entropy: Float64Array.from(samples, (sample) => sample[0]),
    branchRight: Uint8Array.from(samples, (sample) => sample[1]),
    fullRight: Uint8Array.from(samples, (sample) => sample[2]),
  }));
const anyLimits = fc.record({
  epsilon: fc.constantFrom(0.01, 0.05, 0.1, 0.25, 0.5),
  delta: fc.constantFrom(0.01, 0.1, 0.45),
  deviceMs: fc.integer({ min: 0, max: 20 }),
  edgeMs: fc.integer({ min: 0, max: 100 }),
});

/** One threshold, counted sample by sample: what objectives are about. */
interface Case {
  readonly accuracy: number;
  readonly exitRatio: number;
  readonly harmful: number;
  readonly tau: number;
}

/** All that thresholds in [0, 1] can do, one case per distinct entropy and one for 1, ascending. */
function everyCase(outcomes: Outcomes): Case[] {
  const thresholds = [...new Set([...outcomes.entropy, 0, 1])].sort((a, b) => a - b);
  return thresholds.map((tau) => {
    const { accuracy, exitRatio } = collaborative(outcomes, tau);
    const harm = (i: number) => outcomes.entropy[i] < tau && !outcomes.branchRight[i] && outcomes.fullRight[i];
    return { accuracy, exitRatio, harmful: [...outcomes.entropy.keys()].filter(harm).length, tau };
  });
}

/** Clopper-Pearson upper bound on a share, by bisection of the binomial tail. */
function upperBound(k: number, n: number, delta: number): number {
  if (k === n) return 1;
  let [low, high] = [0, 1];
  for (let step = 0; step < 60; step++) {
    const p = (low + high) / 2;
    let tail = 0;
    for (let i = 0, choose = 1; i <= k; choose = (choose * (n - i)) / (i + 1), i++)
      tail += choose * p ** i * (1 - p) ** (n - i);
    if (tail > delta) low = p;
    else high = p;
  }
  return high;
}

const EXACT = 1e-9;

/** The objectives as they are worded, over all cases. */
const BRUTE_FORCE: Record<
  ObjectiveName,
  (cases: Case[], full: number, limits: Required<TauLimits>, n: number) => Case
> = {
  accuracy: (cases) => {
    const most = Math.max(...cases.map((one) => one.accuracy));
    return cases.filter((one) => one.accuracy === most).at(-1)!;
  },
  exits: (cases, full, { epsilon }) => cases.filter((one) => one.accuracy >= full - epsilon - EXACT).at(-1)!,
  latency: (cases, full, { epsilon, deviceMs, edgeMs }) => {
    const cost = (one: Case) => deviceMs + (1 - one.exitRatio) * edgeMs;
    const allowed = cases.filter((one) => one.accuracy >= full - epsilon - EXACT);
    const least = Math.min(...allowed.map(cost));
    return allowed.filter((one) => cost(one) <= least).at(-1)!;
  },
  risk: (cases, _full, { epsilon, delta }, n) => {
    if (upperBound(0, n, delta) > epsilon) epsilon = Math.min(0.9, Math.max(3, 1.3 * Math.log(1 / delta)) / n);
    const failed = cases.findIndex((one) => upperBound(one.harmful, n, delta) > epsilon + EXACT);
    if (failed < 0) return cases.at(-1)!;
    return cases[Math.max(0, failed - 1)];
  },
};

for (const objective of ['risk', 'accuracy', 'exits', 'latency'] as const) {
  test(`exact equals brute force: ${objective}`, () => {
    fc.assert(
      fc.property(anyOutcomes, anyLimits, (outcomes, limits) => {
        const n = outcomes.entropy.length;
        const found = SEARCH_METHODS.exact(thresholdCurve(outcomes), objective, limits);
        const best = BRUTE_FORCE[objective](everyCase(outcomes), collaborative(outcomes, 0).accuracy, limits, n);
        expect(collaborative(outcomes, found.tau)).toEqual({ accuracy: best.accuracy, exitRatio: best.exitRatio });
        if (objective === 'latency') {
          expect(found.expectedLatencyMs).toBeCloseTo(limits.deviceMs + (1 - best.exitRatio) * limits.edgeMs, 9);
        }
      }),
      { numRuns: 500 },
    );
  });
}

test('algorithm-2 never beats exact, and names how far it fell short', () => {
  fc.assert(
    fc.property(anyOutcomes, (outcomes) => {
      const curve = thresholdCurve(outcomes);
      const optimum = SEARCH_METHODS.exact(curve, 'accuracy', {});
      const { tau, point, shortfall } = SEARCH_METHODS['algorithm-2'](curve, 'accuracy', {});
      const found = collaborative(outcomes, tau);
      expect(point).toBe(pointOf(curve, tau));
      expect(found.accuracy).toBe(hitsAt(curve, point) / curve.samples);
      expect(hitsAt(curve, point)).toBeLessThanOrEqual(hitsAt(curve, optimum.point));
      expect(shortfall!.points).toBeCloseTo(100 * (collaborative(outcomes, optimum.tau).accuracy - found.accuracy), 9);
      expect(shortfall!.iterations).toBeLessThanOrEqual(600);
    }),
  );
});

/** Samples of which the branch gains where the entropy is in one of the ranges, and loses elsewhere. */
function gainsIn(...ranges: [number, number][]): Outcomes {
  const entropy = Float64Array.from({ length: 1000 }, (_, i) => (i + 0.5) / 1000);
  const gains = entropy.map((value) => (ranges.some(([from, to]) => value > from && value < to) ? 1 : 0));
  return { entropy, branchRight: Uint8Array.from(gains), fullRight: Uint8Array.from(gains, (gain) => 1 - gain) };
}

test('algorithm-2 finds the only summit, wherever it stands', () => {
  for (const summit of [0, 0.003, 0.1234, 0.5, 0.777, 1]) {
    const { tau, shortfall } = SEARCH_METHODS['algorithm-2'](thresholdCurve(gainsIn([0, summit])), 'accuracy', {});
    expect(shortfall!.points).toBe(0);
    expect(Math.abs(tau - summit)).toBeLessThan(0.0011);
  }
});

test('algorithm-2 is caught by a lower summit near its start', () => {
  const { tau, shortfall } = SEARCH_METHODS['algorithm-2'](
    thresholdCurve(gainsIn([0, 0.2], [0.5, 0.6])),
    'accuracy',
    {},
  );
  expect(tau).toBeCloseTo(0.6, 2);
  expect(shortfall!.points).toBeCloseTo(20, 6);
});

test('algorithm-2 crosses a wide plateau towards small entropies', () => {
  const outcomes = {
    entropy: Float64Array.of(0.01, 0.02, 0.9),
    branchRight: Uint8Array.of(1, 0, 1),
    fullRight: Uint8Array.of(0, 1, 1),
  };
  const { tau } = SEARCH_METHODS['algorithm-2'](thresholdCurve(outcomes), 'accuracy', {});
  expect(collaborative(outcomes, tau)).toEqual({ accuracy: 1, exitRatio: 1 / 3 });
});
