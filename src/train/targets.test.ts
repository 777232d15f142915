import { expect, it } from 'vitest';
import { fillTargets } from './targets.js';

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
