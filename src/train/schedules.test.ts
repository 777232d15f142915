import { expect, it } from 'vitest';
import { rateFactor } from './schedules.js';

const steps = 40;
const factors = (schedule: 'constant' | 'step' | 'cosine' | 'linear') =>
  Array.from({ length: steps }, (_, step) => rateFactor(schedule, step, steps));

it('constant stays', () => {
  expect(new Set(factors('constant'))).toEqual(new Set([1]));
});

it('step falls to a tenth after half of training and to a hundredth after three quarters', () => {
  expect(factors('step')).toEqual([...Array(20).fill(1), ...Array(10).fill(0.1), ...Array(10).fill(0.01)]);
});

it('cosine falls from 1 through a half in the middle, symmetrically, and does not reach 0', () => {
  const cosine = factors('cosine');
  expect(cosine[0]).toBe(1);
  expect(cosine[10]).toBeCloseTo((1 + Math.SQRT1_2) / 2, 12);
  expect(cosine[20]).toBeCloseTo(0.5, 12);
  for (let step = 1; step < steps; step++) {
    expect(cosine[step]).toBeLessThan(cosine[step - 1]);
    expect(cosine[step] + cosine[steps - step]).toBeCloseTo(1, 12);
  }
  expect(cosine[steps - 1]).toBeGreaterThan(0);
});

it('linear falls by the same amount in every step, and would reach 0 in the next', () => {
  factors('linear').forEach((factor, step) => {
    expect(factor).toBeCloseTo(1 - step / steps, 12);
  });
});

it('warm-up rises evenly to the start rate, then the whole schedule follows in what is left', () => {
  const warmed = Array.from({ length: steps }, (_, step) => rateFactor('step', step, steps, 0.2));
  expect(warmed.slice(0, 8)).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((step) => step / 8));
  expect(warmed.slice(8)).toEqual([...Array(16).fill(1), ...Array(8).fill(0.1), ...Array(8).fill(0.01)]);
});

it('nothing but warm-up is finite to the last step', () => {
  expect(rateFactor('cosine', steps - 1, steps, 1)).toBe(1);
});
