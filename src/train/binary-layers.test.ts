import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers'; // registers tfjs's gradients
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { floats } from '../../kernels/test-values.js';
import { random } from '../base/random.js';
import { convAmongOnes } from './binary-layers.js';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

describe('a convolution of signs among ones', () => {
  const next = random(1);
  const [batch, height, width, channels, filters] = [2, 7, 6, 3, 4];
  const signs = tf.tensor4d(
    floats(next, batch * height * width * channels).map((value) => (value < 0 ? -1 : 1)),
    [batch, height, width, channels],
  );
  const kernel = tf.tensor4d(floats(next, 9 * channels * filters), [3, 3, channels, filters]);

  it.each([
    [1, [1, 1], [1, 1]],
    [2, [1, 1], [1, 1]],
    [2, [0, 1], [0, 1]],
    [1, [2, 0], [0, 2]],
    [3, [1, 0], [1, 2]],
  ] as [
    number,
    [number, number],
    [number, number],
  ][])('and its gradients equal those of the padded image: stride %d, ones in rows %j, columns %j', (stride, rows, columns) => {
    const around: tf.backend_util.ExplicitPadding = [[0, 0], rows, columns, [0, 0]];
    const plain = (x: tf.Tensor, w: tf.Tensor) =>
      tf.conv2d(tf.pad(x as tf.Tensor4D, around, 1), w as tf.Tensor4D, stride, 'valid');
    const ours = (x: tf.Tensor, w: tf.Tensor) => convAmongOnes(x as tf.Tensor4D, w as tf.Tensor4D, stride, around);
    const gradients = (conv: typeof plain) => tf.grads((x, w) => tf.sum(tf.square(conv(x, w))))([signs, kernel]);
    const [want, got] = [plain, ours].map((conv) => [conv(signs, kernel), ...gradients(conv)]);
    for (const [i, tensor] of want.entries()) {
      expect(got[i].shape).toEqual(tensor.shape);
      expect(tf.max(tf.abs(tf.sub(got[i], tensor))).dataSync()[0]).toBeLessThan(1e-3);
    }
  });
});
