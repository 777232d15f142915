import * as tf from '@tensorflow/tfjs-core';
import type { LevelConv2d, Shape } from '../network/layers.js';
import { windowed } from '../network/shapes.js';

/** The nearest level from 0 to 127, ties to even. */
export const nearestLevels = (x: tf.Tensor): tf.Tensor => tf.round(tf.clipByValue(x, 0, 127));

/**
 * A convolution of levels. All values are whole numbers and all sums are below 2^24, so float32 is exact in any order; every
 * step after the sums is rounded as in the kernels.
 */
export function levelConv2dOutput(
  layer: LevelConv2d,
  input: Shape,
  x: tf.Tensor,
  kernel: tf.Tensor4D,
  scale: tf.Tensor,
  shift: tf.Tensor,
): tf.Tensor {
  const { stride = 1, padding = 'valid', fill, floats, depthwise } = layer;
  const around = [0, 1].map((axis): [number, number] => {
    const { out, before } = windowed(input[axis]!, layer.kernel, stride, padding, axis);
    return [before, Math.max(0, (out - 1) * stride + layer.kernel - input[axis]! - before)];
  });
  const isPadded = around.flat().some((pixels) => pixels > 0);
  const image = (isPadded ? tf.pad(x, [[0, 0], around[0], around[1], [0, 0]], fill) : x) as tf.Tensor4D;
  const sums = depthwise
    ? tf.depthwiseConv2d(image, kernel, stride, 'valid')
    : tf.conv2d(image, kernel, stride, 'valid');
  const y = tf.add(tf.mul(sums, scale), shift);
  return floats ? y : nearestLevels(y);
}
