import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fillInProportion, fillNearest } from './fill.js';

const anyOffers = fc.array(fc.nat(600), { minLength: 1, maxLength: 8 });

it('gives out all it can, within the offers and in proportion to them', () => {
  fc.assert(
    fc.property(anyOffers, fc.nat(1000), (offers, waiting) => {
      const taken = new Int32Array(offers.length);
      fillInProportion(Float64Array.from(offers), waiting, taken);
      const offered = offers.reduce((sum, offer) => sum + offer, 0);
      expect(taken.reduce((sum, count) => sum + count, 0)).toBe(Math.min(waiting, offered));
      for (const [i, offer] of offers.entries()) {
        expect(taken[i]).toBeLessThanOrEqual(offer);
        expect(Math.abs(taken[i] - (offer * Math.min(waiting, offered)) / Math.max(1, offered))).toBeLessThan(1);
      }
    }),
  );
});

it('gives what is left to the largest remainders', () => {
  const taken = new Int32Array(3);
  fillInProportion(Float64Array.of(5, 3, 2), 4, taken); // shares of 2, 1.2 and 0.8
  expect([...taken]).toEqual([2, 1, 1]);
});

it('fills the closest offers first', () => {
  const taken = new Int32Array(3);
  const nearest = Int32Array.of(0, 1, 2, 1, 2, 0, 2, 0, 1);
  fillNearest(Float64Array.of(1, 2, 9), 5, Uint8Array.of(0, 0, 0, 1, 0), nearest, taken);
  expect([...taken]).toEqual([1, 2, 2]);
});
