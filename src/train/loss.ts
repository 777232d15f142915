import * as tf from '@tensorflow/tfjs-core';
import { withoutGradient } from './binarize.js';

/** Softmax cross-entropy, mean over the batch (Eq. 2 without its constant factor). Logits and targets [n, classes]. */
export function crossEntropy(logits: tf.Tensor2D, targets: tf.Tensor2D): tf.Scalar {
  return tf.neg(tf.mean(tf.sum(tf.mul(targets, tf.logSoftmax(logits)), 1)));
}

/**
 * Label smoothing (Szegedy et al. 2016): targets [n, classes], a share ε of each spread evenly over the classes.
 *
 * @param weighted rows don't add up to 1, but to the weight of their image
 */
export function smoothed(targets: tf.Tensor2D, share: number, weighted = false): tf.Tensor2D {
  if (share === 0) return targets;
  const spread = share / targets.shape[1];
  return tf.add(tf.mul(targets, 1 - share), weighted ? tf.mul(tf.sum(targets, 1, true), spread) : spread);
}

/**
 * Distillation from the full branch to the binary one (Hinton et al. 2015): cross-entropy between the two softmaxes at
 * temperature T, times T², mean over the batch. The full branch is treated as a constant.
 */
export function distillation(branch: tf.Tensor2D, full: tf.Tensor2D, temperature: number): tf.Scalar {
  const soften = (logits: tf.Tensor) => tf.mul(logits, 1 / temperature) as tf.Tensor2D;
  const teacher = withoutGradient(full, (logits) => tf.exp(tf.logSoftmax(soften(logits)))) as tf.Tensor2D;
  return tf.mul(crossEntropy(soften(branch), teacher), temperature * temperature);
}
