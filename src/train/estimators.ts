import * as tf from '@tensorflow/tfjs-core';
import type { Config } from '../run/config.js';

/** Surrogate gradient of sign at x: dL/dx = dL/dy times this. */
export type Estimator = (x: tf.Tensor) => tf.Tensor;

export type EstimatorName = Config['estimator'];

/**
 * Straight-through, clipped (Eq. 5; Hubara et al. 2016).
 *
 *     1 where |x| <= 1, else 0
 */
const clip: Estimator = (x) => tf.cast(tf.lessEqual(tf.abs(x), 1), 'float32');

/**
 * The slope of the piecewise polynomial of Bi-Real Net (Liu et al. 2018, arXiv 1808.00278).
 *
 *     2 - 2|x| where |x| <= 1, else 0
 */
const approxSign: Estimator = (x) => tf.relu(tf.sub(2, tf.mul(tf.abs(x), 2)));

const BETA = 5;
/** Beyond this z the slope is 0 in single precision. Clamping avoids infinity times 0. */
const FAR = 80;

/**
 * The slope of SignSwish, β = 5 (Darabi et al. 2018, arXiv 1812.11800), in powers that can't overflow.
 *
 *     β (2 - z tanh(z/2)) / (1 + cosh z)   with z = β|x|, tanh(z/2) = (1 - e) / (1 + e), 1 + cosh z = (1 + e)² / 2e, e = exp(-z)
 */
const swishSign: Estimator = (x) => {
  const z = tf.minimum(tf.mul(tf.abs(x), BETA), FAR);
  const e = tf.exp(tf.neg(z));
  const tanh = tf.div(tf.sub(1, e), tf.add(e, 1));
  const slope = tf.mul(tf.sub(2, tf.mul(z, tanh)), tf.mul(e, 2 * BETA));
  return tf.div(slope, tf.square(tf.add(e, 1)));
};

/** Unclipped straight-through (Bengio et al. 2013): 1 everywhere. */
const identity: Estimator = (x) => tf.onesLike(x);

export const ESTIMATORS: Readonly<Record<EstimatorName, Estimator>> = {
  clip,
  'approx-sign': approxSign,
  'swish-sign': swishSign,
  identity,
};
