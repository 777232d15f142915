import * as tf from '@tensorflow/tfjs-core';
import type { Padding } from '../network/layers.js';

/** As tfjs takes it; its type lacks the number for some operations. */
type Padded = readonly [x: tf.Tensor4D, padding: 'same' | 'valid'];

/**
 * An image and the padding that is left to the operation on it: tfjs on libtensorflow knows no padding by a number, so
 * there it is an operation of its own.
 *
 * @param value of the pixels around the image
 */
export function padded(x: tf.Tensor, padding: Padding, value = 0): Padded {
  if (typeof padding === 'string' || tf.getBackend() !== 'tensorflow') {
    return [x as tf.Tensor4D, padding as 'same' | 'valid'];
  }
  const sides: [number, number] = [padding, padding];
  return [tf.pad(x as tf.Tensor4D, [[0, 0], sides, sides, [0, 0]], value), 'valid'];
}
