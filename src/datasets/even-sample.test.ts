import fc from 'fast-check';
import { expect, it } from 'vitest';
import { evenSample, indicesByClass } from './even-sample.js';

it('spreads evenSample, from the first on, in order and without repeats', () => {
  expect(evenSample([5, 6, 7, 8, 9], 2)).toEqual([5, 7]);
  fc.assert(
    fc.property(fc.nat(200), fc.integer({ min: 1, max: 50 }), (count, most) => {
      const picked = evenSample(
        Array.from({ length: count }, (_, i) => i),
        most,
      );
      expect(picked).toHaveLength(Math.min(count, most));
      const gaps = picked.slice(1).map((index, i) => index - picked[i]);
      if (gaps.length > 0) expect(Math.max(...gaps) - Math.min(...gaps)).toBeLessThanOrEqual(1);
      if (count > 0) expect(picked[0]).toBe(0);
      expect(picked.every((index) => index < count)).toBe(true);
    }),
  );
});

it('meets every class where images are sorted by class, and where classes take turns', () => {
  for (const labelOf of [(i: number) => Math.floor(i / 100), (i: number) => i % 10]) {
    const labels = Uint16Array.from({ length: 1000 }, (_, i) => labelOf(i));
    const indices = indicesByClass(labels, 10);
    expect(indices.map(({ length }) => length)).toEqual(Array(10).fill(100));
    const classes = evenSample(indices.flat(), 20).map((index) => labels[index]);
    expect(classes).toEqual(Array.from({ length: 20 }, (_, i) => i >> 1));
  }
});

it('knows classes without images', () => {
  expect(indicesByClass(Uint16Array.of(2, 0, 2), 4)).toEqual([[1], [], [0, 2], []]);
});
