import { expect, it } from 'vitest';
import { classWeightsOf, fillTargets } from './targets.js';

const labels = Int32Array.of(2, 0);

it('gives one-hot rows', () => {
  const targets = new Float32Array(6).fill(9);
  fillTargets(targets, { labels }, 3);
  expect([...targets]).toEqual([0, 0, 1, 1, 0, 0]);
});

it('gives both classes of a mixture their shares, and one class mixed with itself all', () => {
  const targets = new Float32Array(6).fill(9);
  fillTargets(targets, { labels, mixed: { labels: Int32Array.of(1, 0), share: 0.25 } }, 3);
  expect([...targets]).toEqual([0, 0.25, 0.75, 1, 0, 0]);
});

it('gives balanced classes the same sum of weights, with a mean of 1 over the training images', () => {
  const all = Uint16Array.of(0, 0, 0, 1, 2, 2, 1);
  const places = Int32Array.of(0, 1, 2, 3, 4, 5);
  expect(classWeightsOf({ classWeights: 'none' }, all, places, 4)).toBeUndefined();
  const weights = classWeightsOf({ classWeights: 'balanced' }, all, places, 4)!;
  expect(weights).toEqual([2 / 3, 2, 1, 0]);
  const sums = [0, 1, 2].map((label) => [...places].filter((place) => all[place] === label).length * weights[label]);
  expect(sums).toEqual([2, 2, 2]);
});

it('multiplies targets by the weights of their classes', () => {
  const targets = new Float32Array(6);
  fillTargets(targets, { labels, mixed: { labels: Int32Array.of(1, 0), share: 0.25 } }, 3, [4, 2, 8]);
  expect([...targets]).toEqual([0, 0.5, 6, 4, 0, 0]);
});
