import * as tf from '@tensorflow/tfjs-core';
import type { BinaryConv2d, BinaryDense, Padding, Shape } from '../network/layers.js';
import { windowed } from '../network/shapes.js';
import {
  filterScale,
  kernelSigns,
  kernelSignsOfFreeScale,
  normalisedKernel,
  rowScale,
  signStraightThrough,
  windowScale,
} from './binarize.js';
import { ESTIMATORS, type EstimatorName } from './estimators.js';

type ExplicitPadding = tf.backend_util.ExplicitPadding;

/** How binary layers are computed in a training step. */
export interface BinaryPass {
  /** Gradient of the activations' signs. Default `clip`. */
  readonly estimator?: EstimatorName;
  /** First stage of two-stage training: activations are binarised, weights are not. Default false. */
  readonly floatWeights?: boolean;
  /** Called with the input of each binary layer before the sign, in the order of the layers. */
  readonly onSigned?: (x: tf.Tensor) => void;
}

interface Weights {
  /** The kernel to convolve with: signs, or real weights of mean magnitude 1. */
  readonly kernel: tf.Tensor;
  /** Factor of each filter's sums: α of Eq. 4, or the learned scale. */
  readonly scale: tf.Tensor;
}

/** @param learned the learned scale per filter, if the layer has one */
function weightsOf(latent: tf.Tensor, learned: tf.Tensor | undefined, { floatWeights }: BinaryPass): Weights {
  const scale = learned ?? filterScale(latent);
  if (floatWeights) return { kernel: normalisedKernel(latent), scale };
  return { kernel: learned ? kernelSignsOfFreeScale(latent) : kernelSigns(latent), scale };
}

/** Binary convolution (Eq. 4) of x [batch, height, width, channels]. @param input shape of x without the batch */
export function binaryConv2dOutput(
  { kernel: size, stride = 1, padding = 'valid', inputScale }: BinaryConv2d,
  input: Shape,
  x: tf.Tensor4D,
  latent: tf.Tensor,
  learned: tf.Tensor | undefined,
  pass: BinaryPass,
): tf.Tensor {
  const { kernel, scale } = weightsOf(latent, learned, pass);
  pass.onSigned?.(x);
  const signs = signStraightThrough(x, ESTIMATORS[pass.estimator ?? 'clip']) as tf.Tensor4D;
  const around = padding === 'valid' ? undefined : onesAround(input, size, stride, padding);
  const sums = convAmongOnes(signs, kernel as tf.Tensor4D, stride, around);
  const y = tf.mul(sums, scale);
  return inputScale ? tf.mul(y, windowScale(x, size, stride, padding)) : y;
}

/** Binary fully-connected layer (Eq. 4) of x [batch, inputs]. */
export function binaryDenseOutput(
  { inputScale }: BinaryDense,
  x: tf.Tensor2D,
  latent: tf.Tensor,
  learned: tf.Tensor | undefined,
  pass: BinaryPass,
): tf.Tensor {
  const { kernel, scale } = weightsOf(latent, learned, pass);
  pass.onSigned?.(x);
  const signs = signStraightThrough(x, ESTIMATORS[pass.estimator ?? 'clip']) as tf.Tensor2D;
  const y = tf.mul(tf.matMul(signs, kernel as tf.Tensor2D), scale);
  return inputScale ? tf.mul(y, rowScale(x)) : y;
}

/** Padding of a binary convolution: zeros before the sign, so +1 after it. */
function onesAround(input: Shape, kernel: number, stride: number, padding: Padding): ExplicitPadding {
  const [rows, columns] = [0, 1].map((axis): [number, number] => {
    const size = input[axis]!;
    const { out, before } = windowed(size, kernel, stride, padding, axis);
    return [before, Math.max(0, (out - 1) * stride + kernel - size - before)];
  });
  return [[0, 0], rows, columns, [0, 0]];
}

/**
 * Convolution of signs with ones around them. The gradient isn't computed at the ones: at 7x7 pixels these are 40 % of a
 * padded image. tfjs on libtensorflow has no such gradient, because it doesn't support padding by numbers.
 */
export function convAmongOnes(
  signs: tf.Tensor4D,
  kernel: tf.Tensor4D,
  stride: number,
  around?: ExplicitPadding,
): tf.Tensor4D {
  if (!around) return tf.conv2d(signs, kernel, stride, 'valid');
  if (tf.getBackend() === 'tensorflow') return tf.conv2d(tf.pad(signs, around, 1), kernel, stride, 'valid');
  const convolve = tf.customGrad((...args) => {
    const [x, weights, save] = args as unknown as [tf.Tensor4D, tf.Tensor4D, tf.GradSaveFunc];
    const image = tf.pad(x, around, 1);
    save([image, weights]);
    return {
      value: tf.conv2d(image, weights, stride, 'valid'),
      gradFunc: (dy: tf.Tensor, [padded, w]: tf.Tensor[]) => {
        const window = { strides: [stride, stride], pad: 'valid', dataFormat: 'NHWC', filterShape: kernel.shape };
        return [
          tf.conv2dTranspose(dy as tf.Tensor4D, w as tf.Tensor4D, signs.shape, stride, around),
          tf.engine().runKernel(tf.Conv2DBackpropFilter, { x: padded, dy }, window) as tf.Tensor,
        ];
      },
    };
  });
  return convolve(signs, kernel) as tf.Tensor4D;
}
