import * as tf from '@tensorflow/tfjs-core';
import type { Padding } from '../network/layers.js';
import { ESTIMATORS, type Estimator } from './estimators.js';
import { padded } from './padding.js';

/** 1 where |x| <= 1, else 0: where the sign of a weight lets the gradient pass (Eq. 5). */
const passes = ESTIMATORS.clip;

/** +1 where x >= 0, else -1: sign(0) = +1 everywhere in lcdnn. */
const signOf = (x: tf.Tensor): tf.Tensor => tf.sub(tf.mul(tf.cast(tf.greaterEqual(x, 0), 'float32'), 2), 1);

/**
 * Sign, with an estimator's gradient in place of its own.
 *
 *     y = sign(x)        dL/dx = dL/dy estimator(x)        (Eq. 5 for `clip`)
 */
export function signStraightThrough(x: tf.Tensor, estimator: Estimator): tf.Tensor {
  return tf.customGrad((input, save) => {
    (save as tf.GradSaveFunc)([input as tf.Tensor]);
    return {
      value: signOf(input as tf.Tensor),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.mul(dy, estimator(saved[0])),
    };
  })(x);
}

/** α of Eq. 4: the mean of |W| per filter (the last axis). It isn't differentiated. */
export function filterScale(latent: tf.Tensor): tf.Tensor {
  return withoutGradient(latent, (weights) => tf.mean(tf.abs(weights), filterAxes(weights)));
}

/**
 * The signs of a latent kernel, to be multiplied by α after the convolution: sums of signs are whole numbers, exact in
 * any order, so every engine and the device agree on them to the bit. The gradient is the scaled sign's:
 *
 *     W~ = α sign(W)     dL/dW = dL/dW~ (1/n + α [|W| <= 1])         (Eq. 4, Eq. 6; n = weights of one filter)
 *
 * What arrives here is dL/dsign(W) = α dL/dW~.
 */
export const kernelSigns: (latent: tf.Tensor) => tf.Tensor = tf.customGrad((latent, save) => {
  const weights = latent as tf.Tensor;
  (save as tf.GradSaveFunc)([weights]);
  return {
    value: signOf(weights),
    gradFunc: (dy: tf.Tensor, [w]: tf.Tensor[]) => {
      const weightsPerFilter = w.size / w.shape[w.rank - 1];
      const scale = tf.maximum(filterScale(w), SMALLEST_SCALE);
      return tf.mul(dy, tf.add(passes(w), tf.div(1 / weightsPerFilter, scale)));
    },
  };
});

/** The signs of a latent kernel with a learned scale s: W~ = s sign(W), dL/dW = dL/dW~ s [|W| <= 1]. */
export const kernelSignsOfFreeScale = (latent: tf.Tensor): tf.Tensor => signStraightThrough(latent, passes);

/**
 * A latent kernel divided by its own α, for the training stage with real weights. Its values are about as large as
 * signs, so the scale after the convolution means the same in both stages. α is a constant in the backward pass.
 */
export const normalisedKernel = (latent: tf.Tensor): tf.Tensor =>
  tf.div(latent, tf.maximum(filterScale(latent), SMALLEST_SCALE));

/** Avoids a division by 0 for a filter of zeros. Its gradient is 0 anyway. */
const SMALLEST_SCALE = 1e-12;

/**
 * K of Eq. 4 for a convolution: the mean of |x| over channels, box-filtered over the kernel's window; values outside
 * the image count as 0. Shape [batch, height, width, 1]. It scales the output and isn't differentiated.
 */
export function windowScale(x: tf.Tensor4D, kernel: number, stride: number, padding: Padding): tf.Tensor4D {
  return withoutGradient(x, (image) => {
    const box = tf.fill([kernel, kernel, 1, 1], 1 / (kernel * kernel)) as tf.Tensor4D;
    const [magnitude, rest] = padded(tf.mean(tf.abs(image), [3], true), padding);
    return tf.conv2d(magnitude, box, stride, rest);
  }) as tf.Tensor4D;
}

/** K of Eq. 4 for a fully-connected layer: the mean of |x| per sample. Shape [batch, 1]. */
export function rowScale(x: tf.Tensor2D): tf.Tensor2D {
  return withoutGradient(x, (rows) => tf.mean(tf.abs(rows), [1], true)) as tf.Tensor2D;
}

/** f(x) as a constant in the backward pass. */
export function withoutGradient(x: tf.Tensor, f: (x: tf.Tensor) => tf.Tensor): tf.Tensor {
  return tf.customGrad((input) => ({
    value: f(input as tf.Tensor),
    gradFunc: () => tf.zeros(x.shape),
  }))(x);
}

const filterAxes = (kernel: tf.Tensor): number[] => kernel.shape.slice(0, -1).map((_, axis) => axis);
