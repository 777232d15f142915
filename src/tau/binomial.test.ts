import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mostHarmAllowed, provesMore } from './binomial.js';

/** P(Bin(n, p) <= k), term by term. */
function tail(n: number, p: number, k: number): number {
  let sum = 0;
  for (let i = 0, choose = 1; i <= k; choose = (choose * (n - i)) / (i + 1), i++)
    sum += choose * p ** i * (1 - p) ** (n - i);
  return sum;
}

test('is the last count whose binomial tail is at most delta', () => {
  const share = fc.double({ min: 0.001, max: 0.95, noNaN: true });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), share, share, (n, epsilon, delta) => {
      const k = mostHarmAllowed(n, epsilon, delta);
      expect(k).toBeLessThan(n);
      if (k >= 0) expect(tail(n, epsilon, k)).toBeLessThanOrEqual(delta + 1e-12);
      expect(tail(n, epsilon, k + 1)).toBeGreaterThan(delta - 1e-12);
    }),
  );
});

test('proves a larger share where so many are improbable', () => {
  const share = fc.double({ min: 0.001, max: 0.95, noNaN: true });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), fc.nat(200), share, share, (n, k, epsilon, delta) => {
      const fewer = k === 0 ? 0 : tail(n, epsilon, Math.min(k, n) - 1);
      if (Math.abs(fewer - (1 - delta)) < 1e-9) return;
      expect(provesMore(n, Math.min(k, n), epsilon, delta)).toBe(fewer > 1 - delta);
    }),
  );
});

test('known values, and counts whose first terms underflow', () => {
  // (1 - 0.001)^n <= 0.1 from n = 2302 on (the rule of 2.3/n).
  expect(mostHarmAllowed(2301, 0.001, 0.1)).toBe(-1);
  expect(mostHarmAllowed(2302, 0.001, 0.1)).toBe(0);
  // Poisson(5): P(<= 1) = 0.040, P(<= 2) = 0.125.
  expect(mostHarmAllowed(5000, 0.001, 0.1)).toBe(1);
  // Bin(1e6, 0.1): mean 1e5, standard deviation 300, 10 % quantile of the normal -1.2816.
  expect(Math.abs(mostHarmAllowed(1e6, 0.1, 0.1) - (1e5 - 1.2816 * 300))).toBeLessThan(2);
});
