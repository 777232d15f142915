import { expect, test } from 'vitest';
import { loosenedTau } from './loosened-tau.js';

const curve = [
  { tau: 0, accuracy: 0.99, exitRatio: 0 },
  { tau: 0.1, accuracy: 0.99, exitRatio: 0.8 },
  { tau: 0.2, accuracy: 0.984, exitRatio: 0.9 },
  { tau: 0.3, accuracy: 0.986, exitRatio: 0.95 },
  { tau: 0.9, accuracy: 0.97, exitRatio: 1 },
];

test('the most exits that keep the floor, above the present tau', () => {
  expect(loosenedTau(curve, 0.1, 0.985)).toBe(0.3);
  expect(loosenedTau(curve, 0.1, 0.9)).toBe(0.9);
  expect(loosenedTau(curve, 0.05, 0.99)).toBe(0.1);
});

test('nothing is loosened where no threshold keeps the floor', () => {
  expect(loosenedTau(curve, 0.1, 0.995)).toBe(0.1);
  expect(loosenedTau(curve, 0.95, 0.5)).toBe(0.95);
  expect(loosenedTau([], 0.1, 0.5)).toBe(0.1);
});
