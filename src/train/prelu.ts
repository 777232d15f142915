import * as tf from '@tensorflow/tfjs-core';

/**
 * Parametric ReLU (He et al. 2015) with a slope per channel: x where x >= 0, else slope * x. It is one operation with
 * its own gradient, because tfjs's version computes masks several times.
 */
export const preluOutput: (x: tf.Tensor, slope: tf.Tensor) => tf.Tensor = tf.customGrad((...args) => {
  const [x, slope, save] = args as unknown as [tf.Tensor, tf.Tensor, tf.GradSaveFunc];
  const positive = tf.greaterEqual(x, 0);
  save([x, slope, positive]);
  return {
    value: tf.prelu(x, slope),
    gradFunc: (dy: tf.Tensor, [input, a, mask]: tf.Tensor[]) => [
      tf.where(mask, dy, tf.mul(dy, a)),
      tf.sum(
        tf.mul(dy, tf.minimum(input, 0)),
        input.shape.slice(0, -1).map((_, axis) => axis),
      ),
    ],
  };
});
