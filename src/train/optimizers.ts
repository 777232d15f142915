import * as tf from '@tensorflow/tfjs-core';
import type { Config } from '../run/config.js';

/** Inputs of an update besides the parameter and its gradient. All are scalars, and change with each step. */
export interface UpdateScalars {
  readonly rate: tf.Tensor;
  /** 1 - β1^t and 1 - β2^t of Adam at step t. */
  readonly correction1: tf.Tensor;
  readonly correction2: tf.Tensor;
}

export interface Updated {
  readonly parameter: tf.Tensor;
  readonly slots: readonly tf.Tensor[];
}

/** An optimiser: its number of slots per parameter (all start at 0), and its update. */
export interface Optimizer {
  readonly slots: readonly string[];
  update(
    parameter: tf.Tensor,
    gradient: tf.Tensor,
    slots: readonly tf.Tensor[],
    scalars: UpdateScalars,
    weightDecay: number,
  ): Updated;
}

const MOMENTUM = 0.9;
export const BETA1 = 0.9;
export const BETA2 = 0.999;
const EPSILON = 1e-8;

/** v <- 0.9 v + g + λ p;  p <- p - η v. */
const momentum: Optimizer = {
  slots: ['velocity'],
  update(parameter, gradient, [velocity], { rate }, weightDecay) {
    const decayed = weightDecay > 0 ? tf.add(gradient, tf.mul(parameter, weightDecay)) : gradient;
    const next = tf.add(tf.mul(velocity, MOMENTUM), decayed);
    return { parameter: tf.sub(parameter, tf.mul(next, rate)), slots: [next] };
  },
};

/** v <- 0.9 v + g + λ p;  p <- p - η (g + λ p + 0.9 v) (Sutskever et al. 2013, in the form of Bengio et al.). */
const nesterov: Optimizer = {
  slots: ['velocity'],
  update(parameter, gradient, [velocity], { rate }, weightDecay) {
    const decayed = weightDecay > 0 ? tf.add(gradient, tf.mul(parameter, weightDecay)) : gradient;
    const next = tf.add(tf.mul(velocity, MOMENTUM), decayed);
    const ahead = tf.add(decayed, tf.mul(next, MOMENTUM));
    return { parameter: tf.sub(parameter, tf.mul(ahead, rate)), slots: [next] };
  },
};

/**
 * Adam (Kingma and Ba 2015) with decoupled weight decay (Loshchilov and Hutter 2019). The slots are the paper's moments
 * without their factors: m / (1 - β1) and v / (1 - β2). These factors, the bias corrections and the learning rate are
 * then one scalar, so an update takes 10 passes over the parameter instead of 14.
 */
const adam: Optimizer = {
  slots: ['first', 'second'],
  update(parameter, gradient, [first, second], { rate, correction1, correction2 }, weightDecay) {
    const nextFirst = tf.add(tf.mul(first, BETA1), gradient);
    const nextSecond = tf.add(tf.mul(second, BETA2), tf.square(gradient));
    // m^ = nextFirst * scale1;  sqrt(v^) = sqrt(nextSecond) * scale2
    const scale1 = tf.div(1 - BETA1, correction1);
    const scale2 = tf.sqrt(tf.div(1 - BETA2, correction2));
    const direction = tf.div(nextFirst, tf.add(tf.sqrt(nextSecond), tf.div(EPSILON, scale2)));
    const moved = tf.sub(parameter, tf.mul(direction, tf.mul(rate, tf.div(scale1, scale2))));
    const next = weightDecay > 0 ? tf.sub(moved, tf.mul(parameter, tf.mul(rate, weightDecay))) : moved;
    return { parameter: next, slots: [nextFirst, nextSecond] };
  },
};

export const OPTIMIZERS: Readonly<Record<OptimizerName, Optimizer>> = { momentum, nesterov, adam };

export type OptimizerName = Config['optimizer'];
