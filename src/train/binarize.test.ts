import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers'; // registers tfjs's gradients
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { floats } from '../../kernels/test-values.js';
import { random } from '../base/random.js';
import {
  filterScale,
  kernelSigns,
  kernelSignsOfFreeScale,
  normalisedKernel,
  rowScale,
  signStraightThrough,
  windowScale,
  withoutGradient,
} from './binarize.js';
import { ESTIMATORS } from './estimators.js';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

const valuesOf = (x: tf.Tensor): number[] => [...x.dataSync<'float32'>()];

function expectClose(got: tf.Tensor, want: readonly number[]): void {
  const values = valuesOf(got);
  expect(values.length).toBe(want.length);
  for (const [i, value] of want.entries()) expect(values[i], `value ${i}`).toBeCloseTo(value, 5);
}

// The edges of the clip region, and the nearest floats outside.
const EDGES = [-2, -1 - 2 ** -23, -1, -0.5, -0, 0, 2 ** -149, 0.5, 1, 1 + 2 ** -23, 2];

describe('the sign of an activation', () => {
  it('is +1 from 0 on, -0 included, else -1', () => {
    expect(valuesOf(signStraightThrough(tf.tensor1d(EDGES), ESTIMATORS.clip))).toEqual([
      -1, -1, -1, -1, 1, 1, 1, 1, 1, 1, 1,
    ]);
  });

  it('passes the gradient where |x| <= 1, and nothing beyond (Eq. 5)', () => {
    const dy = tf.tensor1d(EDGES.map((_, i) => i + 1));
    const dx = tf.grad((x) => tf.sum(tf.mul(signStraightThrough(x, ESTIMATORS.clip), dy)))(tf.tensor1d(EDGES));
    expect(valuesOf(dx)).toEqual([0, 0, 3, 4, 5, 6, 7, 8, 9, 0, 0]);
  });
});

describe('a latent kernel', () => {
  const [taps, filters] = [2 * 3 * 4, 5];
  const latent = floats(random(1), taps * filters);
  const kernel = () => tf.tensor4d(latent, [2, 3, 4, filters]);

  /** α computed with a plain loop: filters are the last axis. */
  const alphas = Array.from({ length: filters }, (_, f) => {
    let sum = 0;
    for (let i = 0; i < taps; i++) sum += Math.abs(latent[i * filters + f]);
    return sum / taps;
  });

  it('is scaled by the mean of |W| of each filter (Eq. 4)', () => {
    expectClose(filterScale(kernel()), alphas);
    expectClose(filterScale(tf.tensor2d([1, -2, -3, 4], [2, 2])), [2, 3]);
  });

  it('is seen as its signs', () => {
    expect(valuesOf(kernelSigns(kernel()))).toEqual([...latent].map((w) => (w >= 0 ? 1 : -1)));
  });

  it('gets the gradient of the scaled sign (Eq. 6)', () => {
    // dL/dW~ is known if L is the sum of W~ times it.
    const error = floats(random(2), taps * filters);
    const loss = (w: tf.Tensor) =>
      tf.sum(tf.mul(tf.mul(kernelSigns(w), filterScale(w)), tf.tensor4d(error, [2, 3, 4, filters])));
    const want = [...error].map((dW, i) => dW * (1 / taps + (Math.abs(latent[i]) <= 1 ? alphas[i % filters] : 0)));
    expectClose(tf.grad(loss)(kernel()), want);
  });

  it('with a scale of its own gets the gradient of that scale times its sign', () => {
    const error = floats(random(3), taps * filters);
    const scales = [0.5, -2, 0.1, 1, 3];
    const loss = (w: tf.Tensor, s: tf.Tensor) =>
      tf.sum(tf.mul(tf.mul(kernelSignsOfFreeScale(w), s), tf.tensor4d(error, [2, 3, 4, filters])));
    const wide = latent.map((w) => 2 * w);
    const [dw, ds] = tf.grads(loss)([tf.tensor4d(wide, [2, 3, 4, filters]), tf.tensor1d(scales)]);
    expectClose(
      dw,
      [...error].map((dW, i) => (Math.abs(wide[i]) <= 1 ? dW * scales[i % filters] : 0)),
    );
    const want = new Array(filters).fill(0);
    error.forEach((dW, i) => {
      want[i % filters] += dW * (wide[i] >= 0 ? 1 : -1);
    });
    expectClose(ds, want);
  });

  it('with real weights is itself once scaled by α, and gets its gradient whole', () => {
    const error = floats(random(4), taps * filters);
    expectClose(tf.mul(normalisedKernel(kernel()), filterScale(kernel())), [...latent]);
    const loss = (w: tf.Tensor) =>
      tf.sum(tf.mul(tf.mul(normalisedKernel(w), filterScale(w)), tf.tensor4d(error, [2, 3, 4, filters])));
    expectClose(tf.grad(loss)(kernel()), [...error]);
  });

  it('of zeros alone has a gradient of zeros, not of infinities', () => {
    const loss = (w: tf.Tensor) => tf.sum(tf.mul(kernelSigns(w), filterScale(w)));
    expect(valuesOf(tf.grad(loss)(tf.zeros([3, 2])))).toEqual([0, 0, 0, 0, 0, 0]);
  });
});

describe('K', () => {
  it.each([
    [3, 1, 'same'],
    [3, 2, 'same'],
    [2, 2, 'same'],
    [3, 2, 'valid'],
    [1, 1, 'valid'],
  ] as const)('of a %dx convolution of stride %d (%s) is the mean of |x| in its window, 0 outside', (k, stride, pad) => {
    const [n, h, w, c] = [2, 6, 5, 3];
    const x = floats(random(3), n * h * w * c);
    const out = (size: number) => (pad === 'same' ? Math.ceil(size / stride) : Math.floor((size - k) / stride) + 1);
    const padBefore = (size: number) =>
      pad === 'same' ? Math.floor(Math.max(0, (out(size) - 1) * stride + k - size) / 2) : 0;
    const want: number[] = [];
    for (let i = 0; i < n; i++) {
      for (let oy = 0; oy < out(h); oy++) {
        for (let ox = 0; ox < out(w); ox++) {
          let sum = 0;
          for (let tap = 0; tap < k * k * c; tap++) {
            const y = oy * stride - padBefore(h) + Math.floor(tap / (k * c));
            const column = ox * stride - padBefore(w) + (Math.floor(tap / c) % k);
            const inside = y >= 0 && y < h && column >= 0 && column < w;
            if (inside) sum += Math.abs(x[((i * h + y) * w + column) * c + (tap % c)]);
          }
          want.push(sum / (k * k * c));
        }
      }
    }
    const got = windowScale(tf.tensor4d(x, [n, h, w, c]), k, stride, pad);
    expect(got.shape).toEqual([n, out(h), out(w), 1]);
    expectClose(got, want);
  });

  it('of a fully-connected layer is the mean of |x| of each sample', () => {
    expectClose(rowScale(tf.tensor2d([1, -2, 3, 0, 0, -6], [2, 3])), [2, 2]);
  });

  it('and α carry no gradient', () => {
    const x = tf.tensor4d(floats(random(4), 16), [1, 4, 4, 1]);
    for (const scale of [
      (y: tf.Tensor) => windowScale(y as tf.Tensor4D, 2, 1, 'valid'),
      (y: tf.Tensor) => rowScale(tf.reshape(y, [4, 4])),
      filterScale,
      (y: tf.Tensor) => withoutGradient(y, tf.square),
    ]) {
      expect(valuesOf(tf.grad((y) => tf.sum(scale(y)))(x)).every((value) => value === 0)).toBe(true);
    }
  });
});
