import * as tf from '@tensorflow/tfjs-core';
import { exitsOf, numbered } from '../base/exits.js';
import {
  type AveragePool,
  isBranch,
  type JointNetwork,
  type Part,
  type Shape,
  unknownLayer,
} from '../network/layers.js';
import { insideFactors, type PlacedLayer, placeLayers } from '../network/shapes.js';
import { batchNormInference, batchNormTraining } from './batch-norm.js';
import { type BinaryPass, binaryConv2dOutput, binaryDenseOutput } from './binary-layers.js';
import { generalConv2dOutput } from './general-conv.js';
import { levelConv2dOutput, nearestLevels } from './level-layers.js';
import { padded } from './padding.js';
import { preluOutput } from './prelu.js';

/** Momentum of running means and variances: share of the old value after each step. */
export const STATISTICS_MOMENTUM = 0.9;

export interface ForwardPass {
  /** Output of the last shared part, which is the input of the full part. */
  readonly shared: tf.Tensor;
  readonly full: tf.Tensor2D;
  /** One per exit; the full network's own logits for an exit without a branch. */
  readonly branches: readonly tf.Tensor2D[];
  /** New running statistics of the parts in training, by parameter name. */
  readonly statistics: tf.NamedTensorMap;
}

/**
 * Computes all branches of a joint network on a batch of normalised images [batch, height, width, channels]. Logits are
 * [batch, classes].
 *
 * @param training parts in which batch normalisation uses the batch's own statistics and updates the running ones
 * @param binary how binary layers are computed in training. Default: as on the device
 */
export function forward(
  network: JointNetwork,
  parameters: tf.NamedTensorMap,
  images: tf.Tensor,
  training: (part: Part) => boolean,
  binary: BinaryPass = {},
): ForwardPass {
  const layers = placeLayers(network);
  const statistics: tf.NamedTensorMap = {};
  const through = (part: Part, x: tf.Tensor): tf.Tensor =>
    layers
      .filter((placed) => placed.part === part)
      .reduce((y, placed) => applyLayer(placed, y, parameters, training(part) ? statistics : undefined, binary), x);
  let shared = images;
  const branches = exitsOf(network).map((_, i) => {
    shared = through(numbered('shared', i), shared);
    return through(numbered('branch', i), shared) as tf.Tensor2D;
  });
  const full = through('full', shared) as tf.Tensor2D;
  const answers = exitsOf(network).map(({ branch }, i) => (branch.length > 0 ? branches[i] : full));
  return { shared, full, branches: answers, statistics };
}

/** The logits [batch, classes] of the full network alone, in inference mode. */
export function fullLogits(network: JointNetwork, parameters: tf.NamedTensorMap, images: tf.Tensor): tf.Tensor2D {
  const trunk = placeLayers(network).filter(({ part }) => !isBranch(part));
  return trunk.reduce((x, placed) => applyLayer(placed, x, parameters, undefined, {}), images) as tf.Tensor2D;
}

/**
 * Computes float layers one after another, in inference mode.
 *
 * @param observe is called with the output of every layer, also of those inside a residual layer
 */
export function observeChain(
  chain: readonly PlacedLayer[],
  parameters: tf.NamedTensorMap,
  x: tf.Tensor,
  observe: (placed: PlacedLayer, y: tf.Tensor) => void,
): tf.Tensor {
  return chain.reduce((y, placed) => {
    const { layer, body = [], shortcut = [] } = placed;
    const through = (inner: readonly PlacedLayer[]) => observeChain(inner, parameters, y, observe);
    const output =
      layer.type === 'residual'
        ? tf.add(through(body), through(shortcut))
        : applyLayer(placed, y, parameters, undefined, {});
    observe(placed, output);
    return output;
  }, x);
}

/** The output of one layer. @param statistics if given, batch normalisation uses the batch's own, and adds them here */
export function applyLayer(
  { part, layer, input, output, body = [], shortcut = [] }: PlacedLayer,
  x: tf.Tensor,
  parameters: tf.NamedTensorMap,
  statistics: tf.NamedTensorMap | undefined,
  binary: BinaryPass,
): tf.Tensor {
  const nameOf = (parameter: string): string => `${part}.${'name' in layer ? layer.name : layer.type}.${parameter}`;
  const get = (parameter: string): tf.Tensor => parameters[nameOf(parameter)];
  const learnedScale = () => ('learnedScale' in layer && layer.learnedScale ? get('scale') : undefined);
  switch (layer.type) {
    case 'conv2d': {
      const { stride = 1, padding = 'valid', bias = true } = layer;
      const [image, rest] = padded(x, padding);
      const y = tf.conv2d(image, get('kernel') as tf.Tensor4D, stride, rest);
      return bias ? tf.add(y, get('bias')) : y;
    }
    case 'depthwise-conv2d': {
      const { stride = 1, padding = 'valid' } = layer;
      const [image, rest] = padded(x, padding);
      return tf.depthwiseConv2d(image, get('kernel') as tf.Tensor4D, stride, rest);
    }
    case 'general-conv2d': {
      const { bias = true } = layer;
      const y = generalConv2dOutput(layer, x, get('kernel') as tf.Tensor4D);
      return bias ? tf.add(y, get('bias')) : y;
    }
    case 'quantise':
      return nearestLevels(tf.add(tf.mul(x, layer.scale), layer.shift));
    case 'level-conv2d':
      return levelConv2dOutput(layer, input, x, get('kernel') as tf.Tensor4D, get('scale'), get('shift'));
    case 'dense':
      return tf.add(tf.matMul(x as tf.Tensor2D, get('kernel') as tf.Tensor2D), get('bias'));
    case 'binary-conv2d':
      return binaryConv2dOutput(layer, input, x as tf.Tensor4D, get('kernel'), learnedScale(), binary);
    case 'binary-dense':
      return binaryDenseOutput(layer, x as tf.Tensor2D, get('kernel'), learnedScale(), binary);
    case 'batch-norm': {
      const { epsilon } = layer;
      if (!statistics) return batchNormInference(x, get('gamma'), get('beta'), get('mean'), get('variance'), epsilon);
      const normalised = batchNormTraining(x, get('gamma'), get('beta'), epsilon);
      for (const kind of ['mean', 'variance'] as const) {
        const old = tf.mul(get(kind), STATISTICS_MOMENTUM);
        statistics[nameOf(kind)] = tf.add(old, tf.mul(normalised.statistics[kind], 1 - STATISTICS_MOMENTUM));
      }
      return normalised.y;
    }
    case 'relu':
      return layer.max === undefined ? tf.relu(x) : tf.minimum(tf.relu(x), layer.max);
    case 'shift':
      return tf.add(x, get('shift'));
    case 'scale':
      return tf.mul(x, get('scale'));
    case 'leaky-relu':
      return tf.add(tf.relu(x), tf.mul(tf.minimum(x, 0), layer.slope));
    case 'sigmoid':
      return tf.sigmoid(x);
    case 'tanh':
      return tf.tanh(x);
    case 'silu':
      return tf.mul(x, tf.sigmoid(x));
    case 'hard-sigmoid':
      return hardSigmoid(x);
    case 'hard-swish':
      return tf.mul(x, hardSigmoid(x));
    case 'hard-tanh':
      return tf.minimum(tf.maximum(x, -1), 1);
    case 'prelu':
      return preluOutput(x, get('slope'));
    case 'max-pool': {
      // Pixels around the image never win.
      const [image, rest] = padded(x, layer.padding ?? 'valid', Number.NEGATIVE_INFINITY);
      return tf.maxPool(image, layer.size, layer.stride ?? layer.size, rest);
    }
    case 'average-pool':
      return averagePool(x as tf.Tensor4D, layer, output);
    case 'global-average-pool':
      return tf.mean(x, [1, 2]);
    case 'repeat-channels':
      return tf.tile(x, [1, 1, 1, layer.times]);
    case 'flatten':
      return tf.reshape(x, [x.shape[0], -1]);
    case 'residual': {
      const through = (chain: readonly PlacedLayer[]): tf.Tensor =>
        chain.reduce((y, placed) => applyLayer(placed, y, parameters, statistics, binary), x);
      const [a, b] = [through(body), through(shortcut)];
      if (!layer.levels) return tf.add(a, b);
      const { weights, floats } = layer.levels;
      const sum = tf.add(tf.add(tf.mul(a, weights[0]), tf.mul(b, weights[1])), weights[2]);
      return floats ? sum : nearestLevels(sum);
    }
    default:
      return unknownLayer(layer);
  }
}

const hardSigmoid = (x: tf.Tensor): tf.Tensor => tf.mul(tf.minimum(tf.relu(tf.add(x, 3)), 6), 1 / 6);

function averagePool(x: tf.Tensor4D, layer: AveragePool, output: Shape): tf.Tensor {
  const { size, stride = size, padding = 'valid', countsPadding = false } = layer;
  return stride === size && padding === 'valid'
    ? adjacentMeans(x, size)
    : windowMeans(x, { size, stride, padding, countsPadding }, output);
}

/** Mean over adjacent windows of size x size; incomplete windows are left out. */
function adjacentMeans(x: tf.Tensor4D, size: number): tf.Tensor {
  const [batch, height, width, channels] = x.shape;
  const [oh, ow] = [height, width].map((length) => Math.floor(length / size));
  const whole = tf.slice(x, [0, 0, 0, 0], [batch, oh * size, ow * size, channels]);
  const windows = tf.reshape(whole, [batch * oh, size, ow, size * channels]);
  const rows = tf.reshape(tf.sum(windows, 1), [batch, oh, ow, size, channels]);
  return tf.mul(tf.sum(rows, 3), 1 / size ** 2);
}

/** Mean over any windows, as a depthwise convolution whose weights are equal. */
function windowMeans(
  x: tf.Tensor4D,
  { size, stride, padding, countsPadding }: Required<Omit<AveragePool, 'type'>>,
  output: Shape,
): tf.Tensor {
  const box = tf.fill([size, size, x.shape[3], 1], 1 / size ** 2) as tf.Tensor4D;
  const [image, rest] = padded(x, padding);
  const means = tf.depthwiseConv2d(image, box, stride, rest);
  if (countsPadding) return means;
  const [height, width] = x.shape.slice(1, 3);
  return tf.mul(
    means,
    tf.tensor(insideFactors([height, width], output, size, stride, padding), [...output.slice(0, 2), 1]),
  );
}
