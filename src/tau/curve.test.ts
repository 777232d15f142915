import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hitsAt, measuresAt, pointOf, thresholdCurve } from './curve.js';
import { collaborative, type Outcomes } from './outcomes.js';

/** Outcomes with many ties, and entropies of exactly 0 and 1 among them. */
const eighths = fc.integer({ min: 0, max: 8 }).map((count) => count / 8);
const entropy = fc.oneof(eighths, fc.double({ min: 0, max: 1, noNaN: true }));
const anyOutcomes: fc.Arbitrary<Outcomes> = fc
  .array(fc.tuple(entropy, fc.nat(1), fc.nat(1)), { minLength: 1, maxLength: 60 })
  .map((samples) => ({
    entropy: Float64Array.from(samples, (sample) => sample[0]),
    branchRight: Uint8Array.from(samples, (sample) => sample[1]),
    fullRight: Uint8Array.from(samples, (sample) => sample[2]),
  }));

test('every point is what counting at its threshold gives', () => {
  fc.assert(
    fc.property(anyOutcomes, (outcomes) => {
      const curve = thresholdCurve(outcomes);
      curve.tau.forEach((tau, point) => {
        expect(measuresAt(curve, point)).toEqual(collaborative(outcomes, tau));
      });
    }),
  );
});

test('any threshold amounts to one of the points', () => {
  fc.assert(
    fc.property(anyOutcomes, fc.double({ min: 0, max: 1, noNaN: true }), (outcomes, tau) => {
      const curve = thresholdCurve(outcomes);
      expect(measuresAt(curve, pointOf(curve, tau))).toEqual(collaborative(outcomes, tau));
    }),
  );
});

test('thresholds rise within [0, 1], and so do exits, harmful and helpful ones', () => {
  fc.assert(
    fc.property(anyOutcomes, (outcomes) => {
      const { tau, exits, harmful, helpful, samples } = thresholdCurve(outcomes);
      expect([tau[0], exits[0], harmful[0], helpful[0]]).toEqual([0, 0, 0, 0]);
      for (let i = 1; i < tau.length; i++) {
        expect(tau[i]).toBeGreaterThan(tau[i - 1]);
        expect(exits[i]).toBeGreaterThan(exits[i - 1]);
        expect(harmful[i]).toBeGreaterThanOrEqual(harmful[i - 1]);
        expect(helpful[i]).toBeGreaterThanOrEqual(helpful[i - 1]);
        expect(harmful[i] + helpful[i]).toBeLessThanOrEqual(exits[i]);
      }
      expect(tau[tau.length - 1]).toBeLessThanOrEqual(1);
      expect(exits[exits.length - 1]).toBe(samples - outcomes.entropy.filter((entropy) => entropy === 1).length);
    }),
  );
});

test('samples of equal entropy leave together, and those of entropy 1 never', () => {
  const curve = thresholdCurve({
    entropy: Float64Array.of(0.5, 0.25, 0.5, 1, 0),
    branchRight: Uint8Array.of(1, 0, 0, 1, 1),
    fullRight: Uint8Array.of(0, 1, 1, 1, 1),
  });
  expect([...curve.tau]).toEqual([0, 0.125, 0.375, 0.75]);
  expect([...curve.exits]).toEqual([0, 1, 2, 4]);
  expect([...curve.harmful]).toEqual([0, 0, 1, 2]);
  expect([...curve.helpful]).toEqual([0, 0, 0, 1]);
  expect([0, 1, 2, 3].map((point) => hitsAt(curve, point))).toEqual([4, 4, 3, 3]);
});

test('neighbouring doubles leave no room between them, yet stay apart', () => {
  const next = 0.5 + Number.EPSILON / 2;
  const { tau, exits } = thresholdCurve({
    entropy: Float64Array.of(0.5, next),
    branchRight: Uint8Array.of(1, 1),
    fullRight: Uint8Array.of(1, 1),
  });
  expect(tau[1]).toBe(next);
  expect([...exits]).toEqual([0, 1, 2]);
});
