import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { estimate, studentT } from './statistics.js';

describe("Student's t", () => {
  // NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2: upper critical values for 0.975, 0.995 and 0.95.
  it.each([
    [0.95, 1, 12.706],
    [0.95, 2, 4.303],
    [0.95, 3, 3.182],
    [0.95, 9, 2.262],
    [0.95, 30, 2.042],
    [0.95, 31, 2.04],
    [0.95, 40, 2.021],
    [0.95, 60, 2.0],
    [0.95, 99, 1.984],
    [0.95, 100, 1.984],
    [0.99, 1, 63.657],
    [0.99, 10, 3.169],
    [0.99, 50, 2.678],
    [0.9, 5, 2.015],
    [0.9, 80, 1.664],
  ])('for a probability of %d with %d degrees of freedom is the table value %d', (probability, degrees, expected) => {
    expect(studentT(probability, degrees)).toBeCloseTo(expected, 3);
  });

  it('approaches the normal quantile, always from above', () => {
    expect(studentT(0.95, 100_000)).toBeCloseTo(1.96, 3);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2000 }), (degrees) => {
        const [more, fewer] = [studentT(0.95, degrees + 1), studentT(0.95, degrees)];
        expect(more).toBeLessThan(fewer);
        expect(more).toBeGreaterThan(1.95996);
      }),
    );
  });
});

it('estimates the mean with its interval', () => {
  expect(estimate([7])).toMatchObject({ mean: 7, half: 0 });
  // Mean 3, sample variance 2.5, t(4) = 2.776.
  const { mean, half } = estimate([1, 2, 3, 4, 5]);
  expect([mean, half]).toEqual([3, expect.closeTo(2.776 * Math.sqrt(2.5 / 5), 3)]);
});
