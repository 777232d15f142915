import type { NamedArrays } from '../base/tensors.js';
import { DATATYPES } from '../bundle/datatypes.js';
import type { FrozenPart } from '../network/head.js';
import {
  BATCH_NORM_EPSILON,
  isBranch,
  type JointNetwork,
  type Padding,
  type Part,
  type Shape,
  unknownLayer,
} from '../network/layers.js';
import { channelsOf, featuresOf, type PlacedLayer, placeLayers, windowed } from '../network/shapes.js';
import { uplinkLayers } from '../network/uplink.js';
import { createGraph, type Graph } from '../onnx/graph.js';
import type { Encoding } from './uplink/encoding.js';

/** ONNX's code for float32, for `Cast`. */
const FLOAT = 1;
export const TAIL_INPUT = 'shared';
export const TAIL_OUTPUT = 'logits';
/** ONNX's codes of the datatypes that a device sends, for `Cast`. */
const SENT_TYPES = { FP16: 10, UINT8: 2 } as const;
/** Names of the tensors of `partModel`. */
export const PART_INPUT = 'given';
export const PART_OUTPUT = 'sent';

/**
 * Float layers as an ONNX model, from the layer list: the full part (`['full']`), the whole full network
 * (`['shared', 'full']`), or a float exit with the parts before it (`['shared', 'shared2', 'branch2']`). Input float32
 * [batch, ...] in NHWC, output `logits` [batch, classes].
 */
export function floatModel(network: JointNetwork, state: NamedArrays, parts: readonly Part[]): Uint8Array {
  const layers = placeLayers(network).filter(({ part }) => parts.includes(part));
  return chainModel(state, layers, `${network.name}-${parts.join('-')}`);
}

/**
 * Consecutive float layers as an ONNX model: any section of a network. Input `shared` has the shape that the first layer
 * reads, output `logits` the shape of the last layer's output: float32 [batch, ...], images in NHWC.
 *
 * @param encoding of the input if it isn't float32; the first nodes decode it
 */
export function chainModel(
  state: NamedArrays,
  layers: readonly PlacedLayer[],
  title: string,
  encoding: Encoding = {},
): Uint8Array {
  const graph = createGraph();
  const [{ input }] = layers;
  const { output } = layers[layers.length - 1];
  const x = appendChannelsLast(graph, state, layers, decodedInput(graph, TAIL_INPUT, input, encoding));
  graph.output(TAIL_OUTPUT, x, 'float32', ['batch', ...output]);
  return graph.encode(title);
}

/**
 * Consecutive float layers as an ONNX model whose output another one reads: input `given`, output `sent`, images in NHWC.
 *
 * @param from encoding of the input
 * @param to encoding of the output: the values that a device would send
 */
export function partModel(
  state: NamedArrays,
  layers: readonly PlacedLayer[],
  title: string,
  from: Encoding,
  to: Encoding,
): Uint8Array {
  const graph = createGraph();
  const [{ input }] = layers;
  const { output } = layers[layers.length - 1];
  const x = appendChannelsLast(graph, state, layers, decodedInput(graph, PART_INPUT, input, from));
  const type = DATATYPES[to.datatype ?? 'FP32'].onnx;
  graph.output(PART_OUTPUT, encoded(graph, x, to), type, ['batch', ...output]);
  return graph.encode(title);
}

/**
 * The rest of the full network as ONNX: from what devices send, in its encoding (NHWC), to `logits` [batch, classes].
 * Its first nodes decode the input to float32, so that any ONNX server can run it.
 */
export function tailModel(network: JointNetwork, state: NamedArrays, encoding: Encoding = {}): Uint8Array {
  const trunk = placeLayers(network).filter(({ part }) => !isBranch(part));
  const full = trunk.filter(({ part }) => part === 'full');
  const layers = encoding.from === 'image' ? trunk : full.slice(uplinkLayers(network).length);
  return chainModel(state, layers, `${network.name}-tail`, encoding);
}

/** Successive frozen parts as one ONNX model: `input` [batch, ...] to the output of each part by name, all in NHWC. */
export function frozenModel(parts: readonly FrozenPart[], state: NamedArrays): Uint8Array {
  const graph = createGraph();
  const [{ input }] = parts;
  let x = graph.input(PART_INPUT, 'float32', ['batch', ...input]);
  if (input.length === 3) x = graph.node('Transpose', [x], { perm: [0, 3, 1, 2] });
  for (const { name, layers, output: shape } of parts) {
    x = appendChain(graph, state, layers, x);
    // A part may be empty, and an output needs a node of its own.
    const y = shape.length === 3 ? graph.node('Transpose', [x], { perm: [0, 2, 3, 1] }) : graph.node('Identity', [x]);
    graph.output(name, y, 'float32', ['batch', ...shape]);
  }
  return graph.encode('frozen-layers');
}

/** The input as float32. */
function decodedInput(graph: Graph, name: string, shape: Shape, { datatype, scale, offset }: Encoding): string {
  let x = graph.input(name, DATATYPES[datatype ?? 'FP32'].onnx, ['batch', ...shape]);
  if (datatype) x = graph.node('Cast', [x], { to: FLOAT });
  if (scale) x = graph.node('Mul', [x, perChannel(graph, scale)]);
  if (offset) x = graph.node('Add', [x, perChannel(graph, offset)]);
  return x;
}

/** Values (NHWC) as a device sends them: see `encode` in uplink/encoding.ts. */
function encoded(graph: Graph, values: string, { datatype, scale, offset }: Encoding): string {
  if (!datatype) return values;
  let x = values;
  if (offset) x = graph.node('Sub', [x, perChannel(graph, offset)]);
  if (scale) x = graph.node('Div', [x, perChannel(graph, scale)]);
  if (datatype === 'UINT8')
    x = graph.node('Clip', [graph.node('Round', [x]), scalarOf(graph, 0), scalarOf(graph, 255)]);
  return graph.node('Cast', [x], { to: SENT_TYPES[datatype] });
}

const perChannel = (graph: Graph, values: readonly number[]): string =>
  graph.floats(Float32Array.from(values), [values.length]);

/** Appends layers on an input in NHWC. Returns their output, also in NHWC. */
function appendChannelsLast(graph: Graph, state: NamedArrays, layers: readonly PlacedLayer[], input: string): string {
  let x = input;
  if (layers[0].input.length === 3) x = graph.node('Transpose', [x], { perm: [0, 3, 1, 2] });
  x = appendChain(graph, state, layers, x);
  return layers[layers.length - 1].output.length === 3 ? graph.node('Transpose', [x], { perm: [0, 2, 3, 1] }) : x;
}

function appendChain(graph: Graph, state: NamedArrays, chain: readonly PlacedLayer[], x: string): string {
  return chain.reduce((y, placed) => appendLayer(graph, state, placed, y), x);
}

/** Appends the nodes of one layer on `x` (images in NCHW). Returns the name of their output. */
function appendLayer(
  graph: Graph,
  state: NamedArrays,
  { part, layer, input, output, body = [], shortcut = [] }: PlacedLayer,
  x: string,
): string {
  const stored = (name: string) => state[`${part}.${'name' in layer ? layer.name : layer.type}.${name}`];
  const parameter = (name: string, shape?: readonly number[]): string =>
    graph.floats(stored(name).values, shape ?? stored(name).shape);
  switch (layer.type) {
    case 'conv2d': {
      const { kernel, filters, bias = true } = layer;
      const channels = channelsOf(input);
      const oihw = hwioToOihw(stored('kernel').values, kernel ** 2, channels, filters);
      const w = graph.floats(oihw, [filters, channels, kernel, kernel]);
      return graph.node('Conv', [x, w, ...(bias ? [parameter('bias')] : [])], windowOf(layer, input, output));
    }
    case 'depthwise-conv2d': {
      const { kernel } = layer;
      const channels = channelsOf(input);
      const oihw = hwioToOihw(stored('kernel').values, kernel ** 2, 1, channels);
      const w = graph.floats(oihw, [channels, 1, kernel, kernel]);
      return graph.node('Conv', [x, w], { group: channels, ...windowOf(layer, input, output) });
    }
    case 'general-conv2d': {
      const { kernel, strides = [1, 1], dilations = [1, 1], padding, groups = 1, bias = true, filters } = layer;
      const channels = channelsOf(input) / groups;
      const oihw = hwioToOihw(stored('kernel').values, kernel[0] * kernel[1], channels, filters);
      const w = graph.floats(oihw, [filters, channels, ...kernel]);
      return graph.node('Conv', [x, w, ...(bias ? [parameter('bias')] : [])], {
        kernel_shape: [...kernel],
        strides: [...strides],
        dilations: [...dilations],
        pads: [...padding],
        group: groups,
      });
    }
    case 'quantise':
      return nearestLevels(graph, affineNodes(graph, x, scalarOf(graph, layer.scale), scalarOf(graph, layer.shift)));
    case 'level-conv2d': {
      const channels = channelsOf(input);
      const oihw = hwioToOihw(
        stored('kernel').values,
        layer.kernel ** 2,
        layer.depthwise ? 1 : channels,
        layer.depthwise ? channels : layer.filters,
      );
      const w = graph.floats(oihw, [layer.filters, layer.depthwise ? 1 : channels, layer.kernel, layer.kernel]);
      const { pads, ...window } = windowOf(layer, input, output);
      const around = graph.integers([0, 0, pads[0], pads[1], 0, 0, pads[2], pads[3]]);
      const padded = pads.some((pixels) => pixels > 0)
        ? graph.node('Pad', [x, around, scalarOf(graph, layer.fill)])
        : x;
      const sums = graph.node('Conv', [padded, w], { group: layer.depthwise ? channels : 1, ...window });
      // The sums are whole numbers. Rounding them keeps an optimiser from multiplying the weights by the scales instead.
      const [scale, shift] = ['scale', 'shift'].map((name) => parameter(name, [layer.filters, 1, 1]));
      const y = affineNodes(graph, graph.node('Round', [sums]), scale, shift);
      return layer.floats ? y : nearestLevels(graph, y);
    }
    case 'dense':
      return graph.node('Gemm', [x, parameter('kernel'), parameter('bias')]);
    case 'max-pool': {
      const { size: kernel, stride = kernel, padding } = layer;
      return graph.node('MaxPool', [x], windowOf({ kernel, stride, padding }, input, output));
    }
    case 'average-pool': {
      const { size: kernel, stride = kernel, padding, countsPadding } = layer;
      const window = windowOf({ kernel, stride, padding }, input, output);
      return graph.node('AveragePool', [x], { ...window, count_include_pad: countsPadding ? 1 : 0 });
    }
    case 'global-average-pool':
      return graph.node('ReduceMean', [x], { axes: [2, 3], keepdims: 0 });
    case 'repeat-channels':
      return graph.node('Concat', Array<string>(layer.times).fill(x), { axis: 1 });
    case 'batch-norm':
      return graph.node(
        'BatchNormalization',
        [x, ...['gamma', 'beta', 'mean', 'variance'].map((name) => parameter(name))],
        { epsilon: { float: layer.epsilon ?? BATCH_NORM_EPSILON } },
      );
    case 'relu': {
      if (layer.max === undefined) return graph.node('Relu', [x]);
      // One node, which ONNX Runtime merges into the convolution before it.
      return graph.node('Clip', [x, ...[0, layer.max].map((limit) => graph.floats(Float32Array.of(limit), []))]);
    }
    case 'shift':
      return graph.node('Add', [x, parameter('shift', input.length === 3 ? [channelsOf(input), 1, 1] : undefined)]);
    case 'scale':
      return graph.node('Mul', [x, parameter('scale', input.length === 3 ? [channelsOf(input), 1, 1] : undefined)]);
    case 'leaky-relu':
      return graph.node('LeakyRelu', [x], { alpha: { float: layer.slope } });
    case 'sigmoid':
      return graph.node('Sigmoid', [x]);
    case 'tanh':
      return graph.node('Tanh', [x]);
    case 'silu':
      return graph.node('Mul', [x, graph.node('Sigmoid', [x])]);
    case 'hard-sigmoid':
      return hardSigmoid(graph, x);
    case 'hard-swish':
      return graph.node('Mul', [x, hardSigmoid(graph, x)]);
    case 'hard-tanh':
      return graph.node('Clip', [x, ...[-1, 1].map((limit) => graph.floats(Float32Array.of(limit), []))]);
    case 'prelu':
      return graph.node('PRelu', [x, parameter('slope', input.length === 3 ? [channelsOf(input), 1, 1] : undefined)]);
    case 'flatten':
      return flatten(graph, x, input);
    case 'residual': {
      const [a, b] = [body, shortcut].map((chain) => appendChain(graph, state, chain, x));
      if (!layer.levels) return graph.node('Add', [a, b]);
      const { weights, floats } = layer.levels;
      const scaled = [a, b].map((name, i) => graph.node('Mul', [name, scalarOf(graph, weights[i])]));
      const sum = graph.node('Add', [graph.node('Add', scaled), scalarOf(graph, weights[2])]);
      return floats ? sum : nearestLevels(graph, sum);
    }
    case 'binary-conv2d':
    case 'binary-dense':
      throw new Error(`layer ${layer.name}: the full network has float layers only`);
    default:
      return unknownLayer(layer);
  }
}

const hardSigmoid = (graph: Graph, x: string): string =>
  graph.node('HardSigmoid', [x], { alpha: { float: 1 / 6 }, beta: { float: 0.5 } });

const scalarOf = (graph: Graph, value: number): string => graph.floats(Float32Array.of(value), []);

const affineNodes = (graph: Graph, x: string, scale: string, shift: string): string =>
  graph.node('Add', [graph.node('Mul', [x, scale]), shift]);

/** The nearest level from 0 to 127, ties to even. */
const nearestLevels = (graph: Graph, x: string): string =>
  graph.node('Round', [graph.node('Clip', [x, scalarOf(graph, 0), scalarOf(graph, 127)])]);

/** Features in the order of height, width, channels. */
function flatten(graph: Graph, x: string, input: Shape): string {
  const nhwc = input.length === 3 ? graph.node('Transpose', [x], { perm: [0, 2, 3, 1] }) : x;
  return graph.node('Reshape', [nhwc, graph.integers([-1, featuresOf(input)])]);
}

/** The window of a node: kernel, strides, and padding before and after. */
function windowOf(
  { kernel, stride = 1, padding = 'valid' }: { kernel: number; stride?: number; padding?: Padding },
  input: Shape,
  output: Shape,
): { kernel_shape: number[]; strides: number[]; pads: number[] } {
  const before = [0, 1].map((axis) => windowed(input[axis]!, kernel, stride, padding, axis).before);
  const after = [0, 1].map((axis) => Math.max(0, (output[axis]! - 1) * stride + kernel - input[axis]! - before[axis]));
  return { kernel_shape: [kernel, kernel], strides: [stride, stride], pads: [...before, ...after] };
}

function hwioToOihw(kernel: Float32Array, taps: number, channels: number, filters: number): Float32Array {
  const result = new Float32Array(kernel.length);
  for (let tap = 0; tap < taps; tap++) {
    for (let c = 0; c < channels; c++) {
      for (let f = 0; f < filters; f++) {
        result[(f * channels + c) * taps + tap] = kernel[(tap * channels + c) * filters + f];
      }
    }
  }
  return result;
}
