import { describe, expect, it } from 'vitest';
import { beta, random } from '../../base/random.js';
import { drawMixup, mixImages, partnerOf } from './mixup.js';

describe('mixImages', () => {
  it('mixes pairs from both ends in place; the middle one stays', () => {
    const images = Float32Array.of(0, 0, 8, 8, 4, 16);
    mixImages(images, 3, 0.75);
    expect([...images]).toEqual([1, 4, 8, 8, 3, 12]);
    expect([0, 1, 2].map((i) => partnerOf(i, 3))).toEqual([2, 1, 0]);
  });

  it('leaves images as they are at a share of 1', () => {
    const images = Float32Array.of(1, 2, 3, 4);
    mixImages(images, 2, 1);
    expect([...images]).toEqual([1, 2, 3, 4]);
  });
});

it('draws the share of a batch from its numbers alone', () => {
  const draw = { seed: 1, epoch: 2, index: 3 };
  expect(drawMixup(draw, 0.4)).toBe(drawMixup(draw, 0.4));
  expect(drawMixup({ ...draw, index: 4 }, 0.4)).not.toBe(drawMixup(draw, 0.4));
});

it.each([0.001, 0.2, 1, 5])('draws Beta(%d, same): its mean and variance, never outside [0, 1]', (alpha) => {
  const next = random(9);
  const draws = Array.from({ length: 20_000 }, () => beta(next, alpha));
  expect(draws.every((share) => share >= 0 && share <= 1)).toBe(true);
  const mean = draws.reduce((sum, share) => sum + share) / draws.length;
  const variance = draws.reduce((sum, share) => sum + (share - mean) ** 2, 0) / draws.length;
  expect(mean).toBeCloseTo(0.5, 1);
  expect(variance / (1 / (4 * (2 * alpha + 1)))).toBeCloseTo(1, 1);
});
