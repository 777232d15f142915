import * as tf from '@tensorflow/tfjs-core';
import type { GeneralConv2d } from '../network/layers.js';
import { padded } from './padding.js';

/**
 * A convolution with any window, without its bias. tfjs has no gradient for dilated convolutions and no groups: a dilated
 * kernel gets zeros between its taps, and each group is a convolution of its own.
 *
 * @param x [batch, height, width, channels]
 * @param kernel [height, width, channels / groups, filters]
 */
export function generalConv2dOutput(
  { strides = [1, 1], dilations = [1, 1], padding, groups = 1, filters }: GeneralConv2d,
  x: tf.Tensor,
  kernel: tf.Tensor4D,
): tf.Tensor {
  const dilated = dilations.some((dilation) => dilation > 1) ? withGaps(kernel, dilations) : kernel;
  const [image, rest] = padded(x, padding);
  if (groups === 1) return tf.conv2d(image, dilated, [...strides], rest);
  const [height, width, channels] = dilated.shape;
  const size = filters / groups;
  const [batch, rows, columns] = image.shape;
  // Each group's output, with zeros in the place of the others: the ONNX tracer has no concatenation.
  const outputs = Array.from({ length: groups }, (_, group) => {
    const y = tf.conv2d(
      tf.slice(image, [0, 0, 0, group * channels], [batch, rows, columns, channels]),
      tf.slice(dilated, [0, 0, 0, group * size], [height, width, channels, size]),
      [...strides],
      rest,
    );
    return tf.pad(y, [
      [0, 0],
      [0, 0],
      [0, 0],
      [group * size, filters - (group + 1) * size],
    ]);
  });
  return outputs.reduce((sum, output) => tf.add(sum, output));
}

/** The kernel with `dilation - 1` zeros between neighbouring taps. */
function withGaps(kernel: tf.Tensor4D, [rows, columns]: readonly [number, number]): tf.Tensor4D {
  const [height, width, channels, filters] = kernel.shape;
  const inRows = spread(kernel, height, width * channels * filters, rows, 1);
  const reach = (height - 1) * rows + 1;
  const inBoth = spread(inRows, width, channels * filters, columns, reach);
  return tf.reshape(inBoth, [reach, (width - 1) * columns + 1, channels, filters]);
}

/** Puts zeros between `count` neighbours, each of `values` numbers, in every one of `before` rows. */
function spread(x: tf.Tensor, count: number, values: number, dilation: number, before: number): tf.Tensor {
  if (dilation === 1) return x;
  const each = tf.reshape(x, [before * count, 1, values]);
  const gaps = tf.pad(each, [
    [0, 0],
    [0, dilation - 1],
    [0, 0],
  ]);
  const wide = tf.reshape(gaps, [before, count * dilation, values]);
  return tf.slice(wide, [0, 0, 0], [before, (count - 1) * dilation + 1, values]);
}
