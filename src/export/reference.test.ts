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
    c: fc.integer({ min: 1, max: 12 }),
    filters: fc.integer({ min: 1, max: 9 }),
    kernel: fc.integer({ min: 1, max: 5 }),
    stride: fc.integer({ min: 1, max: 3 }),
    same: fc.boolean(),
  });
  const runs = { numRuns: 40, seed: 20201204 };

  /** Output size and padding before the first pixel, as TensorFlow defines `same` and `valid`. */
  function placed(size: number, kernel: number, stride: number, same: boolean): { out: number; pad: number } {
    if (!same) return { out: Math.floor((size - kernel) / stride) + 1, pad: 0 };
    const out = Math.ceil(size / stride);
    return { out, pad: Math.floor(Math.max(0, (out - 1) * stride + kernel - size) / 2) };
  }

  test('conv2d_f32', () => {
    fc.assert(
      fc.property(geometry, ({ seed, size, c, filters, kernel, stride, same }) => {
        const next = random(seed);
        const { out, pad } = placed(size, kernel, stride, same);
        const x = wholes(next, size * size * c);
        const w = wholes(next, kernel * kernel * c * filters);
        const bias = wholes(next, filters);
        const y = new Float32Array(out * out * filters);
        reference.conv2d_f32(
          x,
          w,
          bias,
          null,
          null,
          null,
          y,
          size,
          size,
          c,
          filters,
          kernel,
          stride,
          pad,
          pad,
          out,
          out,
        );
        const want = tf.tidy(() => {
          const image = tf.tensor3d(x, [size, size, c]);
          const filter = tf.tensor4d(w, [kernel, kernel, c, filters]);
          return tf.add(tf.conv2d(image, filter, stride, same ? 'same' : 'valid'), tf.tensor1d(bias)).dataSync();
        });
        expectEqual(y, want);
      }),
      runs,
    );
  });

  test('binary_conv2d: padded taps are +1', () => {
    fc.assert(
      fc.property(geometry, ({ seed, size, c, filters, kernel, stride, same }) => {
        const next = random(seed);
        const { out, pad } = placed(size, kernel, stride, same);
        const x = bitRows(next, size * size, c);
        const w = bitRows(next, filters * kernel * kernel, c);
        const y = new Float32Array(out * out * filters);
        reference.binary_conv2d(
          x,
          w,
          null,
          null,
          null,
          null,
          null,
          y,
          new Uint8Array(),
          size,
          size,
          c,
          filters,
          kernel,
          stride,
          pad,
          pad,
          out,
          out,
        );
        const want = tf.tidy(() => {
          const signs = tf.tensor3d(unpacked(x, size * size, c), [size, size, c]);
          const after = same ? Math.max(0, (out - 1) * stride + kernel - size) - pad : 0;
          const padded = tf.pad(
            signs,
            [
              [pad, after],
              [pad, after],
              [0, 0],
            ],
            1,
          );
          const filter = tf.tensor4d(unpacked(w, filters * kernel * kernel, c), [filters, kernel, kernel, c]);
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
    reference.binary_dense(x, w, null, null, null, null, y, inputs, units);
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
    reference.dense_f32(x, w, bias, y, inputs, units);
    const product = tf.matMul(tf.tensor2d(x, [1, inputs]), tf.tensor2d(w, [units, inputs]), false, true);
    const want = tf.add(product, tf.tensor1d(bias));
    expectEqual(y, want.dataSync());
  });

  test('max_pool_f32', () => {
    fc.assert(
      fc.property(geometry, ({ seed, size, c, kernel, stride, same }) => {
        const x = floats(random(seed), size * size * c);
        const { out, pad } = placed(size, kernel, stride, same);
        const y = new Float32Array(out * out * c);
        reference.max_pool_f32(x, y, size, size, c, kernel, stride, pad, pad, out, out);
        expectEqual(
          y,
          tf.tidy(() =>
            tf.maxPool(tf.tensor3d(x, [size, size, c]), kernel, stride, same ? 'same' : 'valid').dataSync(),
          ),
        );
      }),
      runs,
    );
  });

  test('depthwise_conv2d_f32', () => {
    fc.assert(
      fc.property(geometry, ({ seed, size, c, kernel, stride, same }) => {
        const next = random(seed);
        const x = wholes(next, size * size * c);
        const w = wholes(next, kernel * kernel * c);
        const { out, pad } = placed(size, kernel, stride, same);
        const y = new Float32Array(out * out * c);
        reference.depthwise_conv2d_f32(x, w, y, size, size, c, kernel, stride, pad, pad, out, out);
        const want = tf.tidy(() => {
          const image = tf.tensor3d(x, [size, size, c]);
          const filter = tf.tensor4d(w, [kernel, kernel, c, 1]);
          return tf.depthwiseConv2d(image, filter, stride, same ? 'same' : 'valid').dataSync();
        });
        expectEqual(
          y,
          want.map((value) => value + 0),
        ); // -0 of an empty sum is 0 here
      }),
      runs,
    );
  });

  test('average_pool_f32, whole numbers over windows of a power of two', () => {
    const x = wholes(random(6), 8 * 8 * 5);
    const y = new Float32Array(4 * 4 * 5);
    reference.average_pool_f32(x, y, 8, 5, 2, 2, 4, 4);
    expectEqual(y, tf.avgPool(tf.tensor3d(x, [8, 8, 5]), 2, 2, 'valid').dataSync());
  });

  test('repeat_channels_f32, add_f32 and minimum_f32', () => {
    const next = random(7);
    const [x, other] = [floats(next, 12), floats(next, 12)];
    const y = new Float32Array(36);
    reference.repeat_channels_f32(x, y, 4, 3, 3);
    expectEqual(y, tf.tile(tf.tensor2d(x, [4, 3]), [1, 3]).dataSync());
    reference.add_f32(x, other, y, 12);
    expectEqual(y.subarray(0, 12), tf.add(x, other).dataSync());
    reference.minimum_f32(x, Float32Array.of(0.5), y, 12);
    expectEqual(y.subarray(0, 12), tf.minimum(x, 0.5).dataSync());
  });

  test('affine_prelu_f32', () => {
    const next = random(5);
    const [x, slope] = [floats(next, 24), floats(next, 6)];
    const y = new Float32Array(24);
    reference.affine_prelu_f32(x, null, null, slope, y, 24, 6);
    expectEqual(y, tf.prelu(tf.tensor2d(x, [4, 6]), tf.tensor2d(slope, [1, 6])).dataSync());
  });
});
