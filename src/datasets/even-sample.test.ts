import fc from 'fast-check';
import { expect, it } from 'vitest';
import { evenly, placesByClass } from './even-sample.js';

it('spreads evenly, from the first on, in order and without repeats', () => {
  expect(evenly([5, 6, 7, 8, 9], 2)).toEqual([5, 7]);
  fc.assert(
    fc.property(fc.nat(200), fc.integer({ min: 1, max: 50 }), (count, most) => {
      const picked = evenly(
        Array.from({ length: count }, (_, i) => i),
        most,
      );
      expect(picked).toHaveLength(Math.min(count, most));
      const gaps = picked.slice(1).map((place, i) => place - picked[i]);
      if (gaps.length > 0) expect(Math.max(...gaps) - Math.min(...gaps)).toBeLessThanOrEqual(1);
      if (count > 0) expect(picked[0]).toBe(0);
      expect(picked.every((place) => place < count)).toBe(true);
    }),
  );
});

it('meets every class where images are sorted by class, and where classes take turns', () => {
  for (const labelOf of [(i: number) => Math.floor(i / 100), (i: number) => i % 10]) {
    const labels = Uint16Array.from({ length: 1000 }, (_, i) => labelOf(i));
    const places = placesByClass(labels, 10);
    expect(places.map(({ length }) => length)).toEqual(Array(10).fill(100));
    const classes = evenly(places.flat(), 20).map((place) => labels[place]);
    expect(classes).toEqual(Array.from({ length: 20 }, (_, i) => i >> 1));
  }
});

it('knows classes without images', () => {
  expect(placesByClass(Uint16Array.of(2, 0, 2), 4)).toEqual([[1], [], [0, 2], []]);
});
