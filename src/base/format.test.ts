import { expect, it } from 'vitest';
import { percent } from './format.js';
import { median } from './statistics.js';

it.each([
  [0.98765, '98.77 %'],
  [0.123_45, '12.35 %'],
  [0.000_05, '0.005 %'],
  [0.0001, '0.01 %'],
  [1.005e-5, '0.001 %'],
  [0, '0.00 %'],
  [1, '100.00 %'],
])('%d is %s', (share, printed) => {
  expect(percent(share)).toBe(printed);
});

it('the median of an even number of values is the mean of the two in the middle', () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([3, 1, 2])).toBe(2);
});
