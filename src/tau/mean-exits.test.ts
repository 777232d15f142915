import { expect, it } from 'vitest';
import { meanExits } from './mean-exits.js';

/** Outcomes with ascending entropies; harmful: the branch alone is wrong. */
const outcomes = (branchRight: number[], fullRight = branchRight.map(() => 1)) => ({
  entropy: Float64Array.from(branchRight, (_, i) => i / branchRight.length),
  branchRight: Uint8Array.from(branchRight),
  fullRight: Uint8Array.from(fullRight),
});

it('is the mean over the allowed numbers of harmful exits', () => {
  // 40 images: none, one or two harmful exits are allowed; the first is image 10, the second 20, the third 30.
  const right = Array.from({ length: 40 }, (_, i) => (i > 0 && i % 10 === 0 ? 0 : 1));
  expect(meanExits(outcomes(right))).toBeCloseTo((10 + 20 + 30) / 3 / 40, 12);
});

it('does not depend on the order of the images', () => {
  const given = outcomes([1, 1, 0, 1, 0, 1]);
  const reversed = { ...given, ...Object.fromEntries(Object.entries(given).map(([k, v]) => [k, v.toReversed()])) };
  expect(meanExits(reversed as typeof given)).toBe(meanExits(given));
});

it('lets all images exit if none of them is harmful', () => {
  expect(meanExits(outcomes([1, 0, 1], [1, 0, 0]))).toBe(1);
  expect(meanExits(outcomes([0, 1, 1]))).toBe(0);
});
