import * as tf from '@tensorflow/tfjs-core';
import type { Padding } from '../network/layers.js';

/** Padding as tfjs accepts it; its types omit numbers, and lists, for some operations. */
type Padded = readonly [x: tf.Tensor4D, padding: 'same' | 'valid'];

type Pair = [before: number, after: number];

/**
 * Pads an image if needed, and returns it with the padding for the next operation. tfjs on libtensorflow doesn't
 * support padding by numbers, so there it is a separate operation.
 *
 * @param value of the pixels around the image
 */
export function padded(x: tf.Tensor, padding: Padding, value = 0): Padded {
  const isExplicit = typeof padding === 'object';
  if (typeof padding === 'string' || (!isExplicit && tf.getBackend() !== 'tensorflow')) {
    return [x as tf.Tensor4D, padding as 'same' | 'valid'];
  }
  const [top, left, bottom, right] = isExplicit ? padding : Array<number>(4).fill(padding);
  const around: [Pair, Pair, Pair, Pair] = [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ];
  if (tf.getBackend() !== 'tensorflow') return [x as tf.Tensor4D, around as unknown as 'valid'];
  return [tf.pad(x as tf.Tensor4D, around, value), 'valid'];
}
