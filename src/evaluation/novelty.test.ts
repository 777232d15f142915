import fc from 'fast-check';
import { expect, it } from 'vitest';
import { areaUnderRoc, energies, margins, unknownKept } from './novelty.js';

it('computes energy and margin of each row', () => {
  const logits = Float32Array.of(1, 3, 2, 1000, 0, 0);
  const [first, second] = energies(logits, 3);
  expect(first).toBeCloseTo(Math.log(Math.exp(1) + Math.exp(3) + Math.exp(2)), 6);
  expect(second).toBe(1000);
  expect([...margins(logits, 3)]).toEqual([1, 1000]);
});

it('has the area under the ROC curve of all pairs', () => {
  const scores = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(scores, scores, (known, unknown) => {
      const pairs = known.flatMap((one) => unknown.map((other) => (one > other ? 1 : one === other ? 0.5 : 0)));
      const mean = pairs.reduce<number>((sum, pair) => sum + pair, 0) / pairs.length;
      expect(areaUnderRoc(known, unknown)).toBeCloseTo(mean, 12);
    }),
  );
  expect(areaUnderRoc([], [1])).toBeNull();
});

it('says how many unknown samples pass a threshold that nearly all known ones pass', () => {
  const known = Array.from({ length: 100 }, (_, i) => i);
  expect(unknownKept(known, [0, 4, 5, 6, 200], 0.95)).toBe(3 / 5);
  expect(unknownKept(known, [], 0.95)).toBeNull();
});
