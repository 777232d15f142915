import fc from 'fast-check';
import { expect, test } from 'vitest';
import { UserError } from '../base/errors.js';
import { entropies } from './entropy.js';

/** Eq. 7 as it is printed. Right as long as nothing saturates. */
function naive(logits: number[]): number {
  const exps = logits.map(Math.exp);
  const sum = exps.reduce((a, b) => a + b);
  return -exps.reduce((total, exp) => total + (exp / sum) * Math.log(exp / sum), 0) / Math.log(logits.length);
}

const finite = fc.float({ noNaN: true, noDefaultInfinity: true });

test('agrees with the equation as printed', () => {
  const row = fc.array(fc.float({ min: -20, max: 20, noNaN: true }), { minLength: 3, maxLength: 3 });
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 5 }), (rows) => {
      const found = entropies(Float32Array.from(rows.flat()), 3);
      rows.forEach((logits, i) => {
        expect(found[i]).toBeCloseTo(naive(logits), 12);
      });
    }),
  );
});

test('any finite logits, however large, give a number in [0, 1]', () => {
  fc.assert(
    fc.property(fc.array(finite, { minLength: 2, maxLength: 20 }), (logits) => {
      const [found] = entropies(Float32Array.from(logits), logits.length);
      expect(found).toBeGreaterThanOrEqual(0);
      expect(found).toBeLessThanOrEqual(1);
    }),
  );
});

test('adding a constant or reordering the logits changes nothing', () => {
  const whole = fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 2, maxLength: 10 });
  fc.assert(
    fc.property(whole, fc.integer({ min: -1000, max: 1000 }), (logits, shift) => {
      const [found] = entropies(Float32Array.from(logits), logits.length);
      const [shifted] = entropies(Float32Array.from(logits, (x) => x + shift).reverse(), logits.length);
      expect(shifted).toBeCloseTo(found, 12);
    }),
  );
});

test('a temperature divides the logits', () => {
  const row = fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 2, maxLength: 10 });
  fc.assert(
    fc.property(row, fc.constantFrom(0.25, 0.5, 1, 2, 4), (logits, temperature) => {
      const [found] = entropies(Float32Array.from(logits), logits.length, temperature);
      const [divided] = entropies(
        Float32Array.from(logits, (logit) => logit / temperature),
        logits.length,
      );
      expect(found).toBe(divided);
    }),
  );
});

test('at a temperature below 1, classes with small probabilities count less', () => {
  // Sure of one class except for many unlikely ones, and torn between two.
  const logits = Float32Array.of(6, 2, 2, 2, 2, 2, 6, 4, -9, -9, -9, -9);
  const [spread, torn] = entropies(logits, 6);
  const [spreadSharp, tornSharp] = entropies(logits, 6, 0.5);
  expect(spread).toBeGreaterThan(torn);
  expect(spreadSharp).toBeLessThan(tornSharp);
});

test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, 0.001])('a temperature of %d is refused', (temperature) => {
  expect(() => entropies(Float32Array.of(0, 1), 2, temperature)).toThrow(
    /entropy temperature: expected a number from 0.01 to 100, found/,
  );
});

test('saturated, equal and nearly certain logits', () => {
  expect([...entropies(Float32Array.of(1e4, -1e4, 0, -1e4, 1e4, 0), 3)]).toEqual([0, 0]);
  expect(entropies(new Float32Array(10), 10)[0]).toBe(1);
  expect(entropies(Float32Array.of(-1e4, -1e4), 2)[0]).toBe(1);
  // Two classes 30 apart: S = e^-30 (1 + 30) / ln 2 to first order. A plain -Σ p ln p loses half the digits here.
  expect(entropies(Float32Array.of(30, 0), 2)[0] / ((Math.exp(-30) * 31) / Math.LN2)).toBeCloseTo(1, 10);
  expect(entropies(new Float32Array(0), 10)).toHaveLength(0);
});

test('what is no logits is refused', () => {
  expect(() => entropies(Float32Array.of(0, Number.NaN), 2)).toThrow(/found NaN for sample 0/);
  expect(() => entropies(Float32Array.of(0, 1, Number.POSITIVE_INFINITY, 0), 2)).toThrow(/found Infinity for sample 1/);
  expect(() => entropies(new Float32Array(5), 2)).toThrow(UserError);
  expect(() => entropies(new Float32Array(5), 1)).toThrow(UserError);
});
