import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers'; // registers tfjs's gradients
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { signStraightThrough } from './binarize.js';
import { ESTIMATORS, type EstimatorName } from './estimators.js';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

const swish = (x: number): number => (5 * (2 - 5 * x * Math.tanh((5 * x) / 2))) / (1 + Math.cosh(5 * x));

/** Each estimator's slope, written by hand. */
const SLOPES: Readonly<Record<EstimatorName, (x: number) => number>> = {
  clip: (x) => (x >= -1 && x <= 1 ? 1 : 0),
  'approx-sign': (x) => (x < -1 || x > 1 ? 0 : x < 0 ? 2 + 2 * x : 2 - 2 * x),
  'swish-sign': swish,
  identity: () => 1,
};

const POINTS = [-40, -3, -1.5, -1, -0.75, -0.3, -0, 0, 0.1, 0.5, 0.999, 1, 1.001, 2, 40];

describe.each(Object.keys(ESTIMATORS) as EstimatorName[])('%s', (name) => {
  const dy = POINTS.map((_, i) => i - 4.5);
  const through = (x: tf.Tensor) => signStraightThrough(x, ESTIMATORS[name]);

  it('is the sign, and has the gradient of its equation', () => {
    const x = tf.tensor1d(POINTS);
    expect([...through(x).dataSync()]).toEqual(POINTS.map((value) => (value >= 0 ? 1 : -1)));
    const dx = tf
      .grad((input) => tf.sum(tf.mul(through(input), tf.tensor1d(dy))))(x)
      .dataSync();
    POINTS.forEach((value, i) => {
      expect(dx[i], `at ${value}`).toBeCloseTo(dy[i] * SLOPES[name](value), 4);
    });
  });

  it('is finite at the largest numbers', () => {
    expect([...ESTIMATORS[name](tf.tensor1d([-3e38, 3e38])).dataSync()].every(Number.isFinite)).toBe(true);
  });
});

it('approx-sign and swish-sign have the area of a step from -1 to 1', () => {
  const [from, to, steps] = [-8, 8, 16_000];
  const width = (to - from) / steps;
  const x = tf.tensor1d(Float32Array.from({ length: steps }, (_, i) => from + (i + 0.5) * width));
  for (const name of ['approx-sign', 'swish-sign'] as const) {
    expect(tf.sum(ESTIMATORS[name](x)).dataSync()[0] * width).toBeCloseTo(2, 3);
  }
});
