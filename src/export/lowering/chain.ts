import type { Flatten, Layer, Residual } from '../../network/layers.js';
import { featuresOf, type PlacedLayer } from '../../network/shapes.js';
import type { Address } from '../program.js';
import { binaryConv2d, binaryDense } from './binary.js';
import { allocateFloats, type Builder, emit, floats, flush, type Lowerer } from './builder.js';
import { conv2d, dense, depthwiseConv2d } from './convolution.js';
import { affineLayer, hardSigmoid, hardSwish, hardTanh, leakyRelu, notOnDevice, prelu, relu } from './elementwise.js';
import { givesSums, slopeOf, withArguments } from './epilogue.js';
import { addLevels, levelConv2d, quantise } from './levels.js';
import { averagePool, globalAveragePool, maxPool, repeatChannels } from './pooling.js';

/** Both chains read the same x. A binary convolution at the end of the body adds the shortcut itself. */
const residual: Lowerer<Residual> = (builder, placed, next) => {
  const { layer, input, output, body = [], shortcut = [] } = placed;
  flush(builder, input);
  const start = builder.x;
  const endOf = (chain: readonly PlacedLayer[]): Address => {
    builder.x = start;
    lowerChain(builder, chain);
    flush(builder, output);
    return builder.x;
  };
  const a = endOf(body);
  if (layer.levels) {
    addLevels(builder, placed, layer.levels, a, endOf(shortcut));
    return 0;
  }
  const last = builder.calls.at(-1);
  const sums = givesSums(last, a) ? builder.calls.pop() : undefined;
  const b = endOf(shortcut);
  if (sums) {
    const activation = next[0] && slopeOf(next[0], builder.state);
    const slope = activation ? floats(builder, activation.name, activation.values) : null;
    builder.calls.push(withArguments(sums, { slope, shortcut: b }));
    builder.x = a;
    return activation ? 1 : 0;
  }
  const y = allocateFloats(builder, output);
  emit(builder, 'add_f32', { a, b, y, count: featuresOf(output) });
  builder.x = y;
};

/** Does nothing: NHWC is already the order of features. A pending scale repeats for every pixel. */
const flatten: Lowerer<Flatten> = () => {};

/** How to lower a layer, by type. To support a new type, write its function and add it here. */
const LOWERERS: { readonly [Type in Layer['type']]: Lowerer<Extract<Layer, { type: Type }>> } = {
  'average-pool': averagePool,
  'batch-norm': affineLayer,
  'binary-conv2d': binaryConv2d,
  'binary-dense': binaryDense,
  conv2d,
  dense,
  'depthwise-conv2d': depthwiseConv2d,
  flatten,
  'general-conv2d': notOnDevice,
  'global-average-pool': globalAveragePool,
  'hard-sigmoid': hardSigmoid,
  'hard-swish': hardSwish,
  'hard-tanh': hardTanh,
  'leaky-relu': leakyRelu,
  'level-conv2d': levelConv2d,
  'max-pool': maxPool,
  prelu,
  quantise,
  relu,
  'repeat-channels': repeatChannels,
  residual,
  scale: affineLayer,
  shift: affineLayer,
  sigmoid: notOnDevice,
  silu: notOnDevice,
  tanh: notOnDevice,
};

/** Appends the calls of layers that follow one another, from `builder.x` to `builder.x`. */
export function lowerChain(builder: Builder, layers: readonly PlacedLayer[]): void {
  for (let at = 0; at < layers.length; at++) {
    // The table's types pair every layer with its own function.
    const lower = LOWERERS[layers[at].layer.type] as Lowerer<Layer>;
    at += lower(builder, layers[at], layers.slice(at + 1)) ?? 0;
  }
}
