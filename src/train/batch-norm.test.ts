import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers'; // registers tfjs's gradients
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { floats } from '../../kernels/test-values.js';
import { random } from '../base/random.js';
import { BATCH_NORM_EPSILON } from '../network/layers.js';
import { batchNormInference, batchNormTraining } from './batch-norm.js';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

const valuesOf = (x: tf.Tensor): number[] => [...x.dataSync<'float32'>()];

function expectClose(got: tf.Tensor, want: readonly number[]): void {
  const values = valuesOf(got);
  expect(values.length).toBe(want.length);
  for (const [i, value] of want.entries()) expect(values[i], `value ${i}`).toBeCloseTo(value, 4);
}

describe.each([[[2, 3, 4, 3]], [[10, 3]]])('batch normalisation of shape %j', (shape) => {
  const next = random(shape.length);
  const count = shape.reduce((product, size) => product * size, 1);
  const x = floats(next, count).map((value, i) => value * (1 + (i % 3)) + 2);
  // One gamma is negative, one is 0.
  const [gamma, beta] = [Float32Array.of(1.5, -0.7, 0), floats(next, 3)];
  const tensors = () => [tf.tensor(x, shape), tf.tensor1d(gamma), tf.tensor1d(beta)] as const;

  /** Mean and (biased) variance per channel by a plain loop. */
  const channel = (c: number) => x.filter((_, i) => i % 3 === c);
  const mean = [0, 1, 2].map((c) => channel(c).reduce((sum, value) => sum + value, 0) / (count / 3));
  const variance = [0, 1, 2].map(
    (c) => channel(c).reduce((sum, value) => sum + (value - mean[c]) ** 2, 0) / (count / 3),
  );
  const normalised = (means: readonly number[], variances: readonly number[]) =>
    [...x].map((value, i) => {
      const c = i % 3;
      return ((value - means[c]) / Math.sqrt(variances[c] + BATCH_NORM_EPSILON)) * gamma[c] + beta[c];
    });

  it('takes the batch statistics in training, and tells them', () => {
    const { y, statistics } = batchNormTraining(...tensors());
    expectClose(y, normalised(mean, variance));
    expectClose(statistics.mean, mean);
    expectClose(statistics.variance, variance);
  });

  it('takes the running statistics in evaluation', () => {
    const [means, variances] = [
      [0.5, -1, 2],
      [4, 0, 0.25],
    ];
    const y = batchNormInference(...tensors(), tf.tensor1d(means), tf.tensor1d(variances));
    const want = normalised(means, variances);
    // A variance of 0 leads to large values, so compare relative errors.
    valuesOf(y).forEach((value, i) => {
      expect(Math.abs(value - want[i]), `value ${i}`).toBeLessThan(1e-5 * Math.max(1, Math.abs(want[i])) * 10);
    });
  });

  it('has the gradients of its composed form, for x, gamma and beta', () => {
    const weights = tf.tensor(floats(next, count), shape);
    const axes = shape.slice(0, -1).map((_, i) => i);
    const composed = (input: tf.Tensor, scale: tf.Tensor, shift: tf.Tensor) => {
      const centred = tf.sub(input, tf.mean(input, axes));
      const spread = tf.sqrt(tf.add(tf.mean(tf.square(centred), axes), BATCH_NORM_EPSILON));
      return tf.add(tf.mul(tf.div(centred, spread), scale), shift);
    };
    const gradients = (f: (...given: tf.Tensor[]) => tf.Tensor) =>
      tf.grads((...given) => tf.sum(tf.mul(tf.square(f(...given)), weights)) as tf.Scalar)([...tensors()]);
    const want = gradients((input, scale, shift) => composed(input, scale, shift));
    const got = gradients((input, scale, shift) => batchNormTraining(input, scale, shift).y);
    for (const [i, tensor] of want.entries()) expectClose(got[i], valuesOf(tensor));
  });
});
