import * as tf from '@tensorflow/tfjs-core';
import type { Padding } from '../network/layers.js';

/** Padding as tfjs accepts it; its types omit numbers for some operations. */
type Padded = readonly [x: tf.Tensor4D, padding: 'same' | 'valid'];

/**
 * Pads an image if needed, and returns it with the padding for the next operation. tfjs on libtensorflow doesn't
 * support padding by a number, so there it is a separate operation.
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
