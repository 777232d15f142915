import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers'; // registers tfjs's gradients
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, it } from 'vitest';
import { floats } from '../../kernels/test-values.js';
import { random } from '../base/random.js';
import { preluOutput } from './prelu.js';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

const valuesOf = (x: tf.Tensor): number[] => [...x.dataSync<'float32'>()];

it('is x from 0 on, else slope times x, with a slope per channel', () => {
  const x = tf.tensor2d([-2, -2, 0, -4, 3, 3], [3, 2]);
  expect(valuesOf(preluOutput(x, tf.tensor1d([0.25, -1])))).toEqual([-0.5, 2, 0, 4, 3, 3]);
});

it.each([[[6, 3]], [[2, 3, 2, 3]]])('has the gradients of a plain loop on shape %j', (shape) => {
  const next = random(shape.length);
  const count = shape.reduce((product, size) => product * size, 1);
  const [x, error, slope] = [floats(next, count), floats(next, count), Float32Array.of(0.25, -0.5, 0)];
  x[0] = 0; // 0 counts as positive
  const [dx, dSlope] = tf.grads(
    (input, a) => tf.sum(tf.mul(preluOutput(input, a), tf.tensor(error, shape))) as tf.Scalar,
  )([tf.tensor(x, shape), tf.tensor1d(slope)]);
  const want = [0, 0, 0];
  x.forEach((value, i) => {
    if (value < 0) want[i % 3] += error[i] * value;
    expect(dx.dataSync()[i]).toBeCloseTo(value >= 0 ? error[i] : error[i] * slope[i % 3], 6);
  });
  for (const [c, value] of want.entries()) expect(dSlope.dataSync()[c]).toBeCloseTo(value, 5);
});
