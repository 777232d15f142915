import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, describe, test } from 'vitest';
import { bitRows, expectEqual, floats, unpacked, wholes } from '../../kernels/test-values.js';
import { random } from '../base/random.js';
import { referenceKernels as reference } from './reference.js';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

// The reference itself against an independent oracle: tfjs's cpu backend, with its own padding.
describe('reference against tfjs', () => {
  const geometry = fc.record({
    seed: fc.integer(),
    size: fc.integer({ min: 5, max: 9 }),
    channels: fc.integer({ min: 1, max: 12 }),
    filters: fc.integer({ min: 1, max: 9 }),
    kernel: fc.integer({ min: 1, max: 5 }),
    stride: fc.integer({ min: 1, max: 3 }),
    same: fc.boolean(),
  });
  const runs = { numRuns: 40, seed: 20201204 };

  /** A square window as TensorFlow defines `same` and `valid`. */
  function squareWindow({
    size,
    kernel,
    stride,
    same,
  }: {
    size: number;
    kernel: number;
    stride: number;
    same: boolean;
  }) {
    const out = same ? Math.ceil(size / stride) : Math.floor((size - kernel) / stride) + 1;
    const pad = same ? Math.floor(Math.max(0, (out - 1) * stride + kernel - size) / 2) : 0;
    return { height: size, width: size, kernel, stride, padTop: pad, padLeft: pad, outHeight: out, outWidth: out };
  }
  const padding = (same: boolean) => (same ? 'same' : 'valid');
  const plain = { scale: null, shift: null, slope: null, most: null };

  test('conv2d_f32', () => {
    fc.assert(
      fc.property(geometry, (shape) => {
        const { size, channels, filters, kernel, stride, same } = shape;
        const next = random(shape.seed);
        const window = squareWindow(shape);
        const x = wholes(next, size * size * channels);
        const w = wholes(next, kernel * kernel * channels * filters);
        const bias = wholes(next, filters);
        const y = new Float32Array(window.outHeight * window.outWidth * filters);
        reference.conv2d_f32({ x, w, bias, ...plain, y, channels, filters, ...window });
        const want = tf.tidy(() => {
          const image = tf.tensor3d(x, [size, size, channels]);
          const filter = tf.tensor4d(w, [kernel, kernel, channels, filters]);
          return tf.add(tf.conv2d(image, filter, stride, padding(same)), tf.tensor1d(bias)).dataSync();
        });
        expectEqual(y, want);
      }),
      runs,
    );
  });

  test('binary_conv2d: padded taps are +1', () => {
    fc.assert(
      fc.property(geometry, (shape) => {
        const { size, channels, filters, kernel, stride, same } = shape;
        const next = random(shape.seed);
        const window = squareWindow(shape);
        const [out, before] = [window.outHeight, window.padTop];
        const x = bitRows(next, size * size, channels);
        const w = bitRows(next, filters * kernel * kernel, channels);
        const y = new Float32Array(out * out * filters);
        reference.binary_conv2d({ x, w, k: null, ...plain, shortcut: null, y, channels, filters, ...window });
        const want = tf.tidy(() => {
          const signs = tf.tensor3d(unpacked(x, size * size, channels), [size, size, channels]);
          const after = same ? Math.max(0, (out - 1) * stride + kernel - size) - before : 0;
          const sides: [number, number] = [before, after];
          const padded = tf.pad(signs, [sides, sides, [0, 0]], 1);
          const rows = unpacked(w, filters * kernel * kernel, channels);
          const filter = tf.tensor4d(rows, [filters, kernel, kernel, channels]);
          return tf.conv2d(padded, tf.transpose(filter, [1, 2, 3, 0]), stride, 'valid').dataSync();
        });
        expectEqual(y, want);
      }),
      runs,
    );
  });

  test('binary_dense', () => {
    const next = random(3);
    const [inputs, units] = [37, 11];
    const x = bitRows(next, 1, inputs);
    const w = bitRows(next, units, inputs);
    const y = new Float32Array(units);
    reference.binary_dense({ x, w, k: null, ...plain, y, inputs, units });
    const want = tf.matMul(
      tf.tensor2d(unpacked(x, 1, inputs), [1, inputs]),
      tf.tensor2d(unpacked(w, units, inputs), [units, inputs]),
      false,
      true,
    );
    expectEqual(y, want.dataSync());
  });

  test('dense_f32', () => {
    const next = random(4);
    const [inputs, units] = [23, 7];
    const x = wholes(next, inputs);
    const w = wholes(next, inputs * units);
    const bias = wholes(next, units);
    const y = new Float32Array(units);
    reference.dense_f32({ x, w, bias, y, inputs, units });
    const product = tf.matMul(tf.tensor2d(x, [1, inputs]), tf.tensor2d(w, [units, inputs]), false, true);
    const want = tf.add(product, tf.tensor1d(bias));
    expectEqual(y, want.dataSync());
  });

  test('max_pool_f32', () => {
    fc.assert(
      fc.property(geometry, (shape) => {
        const { size, channels, kernel, stride, same } = shape;
        const x = floats(random(shape.seed), size * size * channels);
        const window = squareWindow(shape);
        const y = new Float32Array(window.outHeight * window.outWidth * channels);
        reference.max_pool_f32({ x, y, channels, ...window });
        const want = tf.tidy(() => {
          const image = tf.tensor3d(x, [size, size, channels]);
          return tf.maxPool(image, kernel, stride, padding(same)).dataSync();
        });
        expectEqual(y, want);
      }),
      runs,
    );
  });

  test('depthwise_conv2d_f32', () => {
    fc.assert(
      fc.property(geometry, (shape) => {
        const { size, channels, kernel, stride, same } = shape;
        const next = random(shape.seed);
        const x = wholes(next, size * size * channels);
        const w = wholes(next, kernel * kernel * channels);
        const window = squareWindow(shape);
        const y = new Float32Array(window.outHeight * window.outWidth * channels);
        reference.depthwise_conv2d_f32({ x, w, ...plain, y, channels, ...window });
        const want = tf.tidy(() => {
          const image = tf.tensor3d(x, [size, size, channels]);
          const filter = tf.tensor4d(w, [kernel, kernel, channels, 1]);
          return tf.depthwiseConv2d(image, filter, stride, padding(same)).dataSync();
        });
        const withoutMinusZero = want.map((value) => value + 0); // an empty sum is -0 in tfjs
        expectEqual(y, withoutMinusZero);
      }),
      runs,
    );
  });

  test('average_pool_f32, whole numbers over windows of a power of two', () => {
    const x = wholes(random(6), 8 * 8 * 5);
    const y = new Float32Array(4 * 4 * 5);
    reference.average_pool_f32({ x, y, width: 8, channels: 5, rows: 2, columns: 2, outHeight: 4, outWidth: 4 });
    expectEqual(y, tf.avgPool(tf.tensor3d(x, [8, 8, 5]), 2, 2, 'valid').dataSync());
  });

  test('repeat_channels_f32, add_f32 and minimum_f32', () => {
    const next = random(7);
    const [x, b] = [floats(next, 12), floats(next, 12)];
    const y = new Float32Array(36);
    reference.repeat_channels_f32({ x, y, pixels: 4, channels: 3, times: 3 });
    expectEqual(y, tf.tile(tf.tensor2d(x, [4, 3]), [1, 3]).dataSync());
    reference.add_f32({ a: x, b, y, count: 12 });
    expectEqual(y.subarray(0, 12), tf.add(x, b).dataSync());
    reference.minimum_f32({ x, most: Float32Array.of(0.5), y, count: 12 });
    expectEqual(y.subarray(0, 12), tf.minimum(x, 0.5).dataSync());
  });

  test('affine_prelu_f32', () => {
    const next = random(5);
    const [x, slope] = [floats(next, 24), floats(next, 6)];
    const y = new Float32Array(24);
    reference.affine_prelu_f32({ x, scale: null, shift: null, slope, y, count: 24, channels: 6 });
    expectEqual(y, tf.prelu(tf.tensor2d(x, [4, 6]), tf.tensor2d(slope, [1, 6])).dataSync());
  });
});
