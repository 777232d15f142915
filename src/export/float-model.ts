import type { NamedArrays } from '../base/tensors.js';
import { BATCH_NORM_EPSILON, type JointNetwork, type Part, type Shape, unknownLayer } from '../network/layers.js';
import { channelsOf, featuresOf, placeLayers, windowed } from '../network/shapes.js';
import { createGraph, type Graph } from '../onnx/graph.js';

export const TAIL_INPUT = 'shared';
export const TAIL_OUTPUT = 'logits';

/**
 * Float layers as an ONNX model, from the layer list: the tail (`['full']`), or the whole full network
 * (`['shared', 'full']`). Input float32 [batch, ...] in NHWC, output `logits` [batch, classes].
 */
export function floatModel(network: JointNetwork, state: NamedArrays, parts: readonly Part[]): Uint8Array {
  const layers = placeLayers(network).filter(({ part }) => parts.includes(part));
  const graph = createGraph();
  const inputShape = layers[0].input;
  let x = graph.input(TAIL_INPUT, 'float32', ['batch', ...inputShape]);
  if (inputShape.length === 3) x = graph.node('Transpose', [x], { perm: [0, 3, 1, 2] });

  for (const { part, layer, input, output } of layers) {
    const parameter = (name: string, shape?: readonly number[]): string => {
      const stored = state[`${part}.${'name' in layer ? layer.name : layer.type}.${name}`];
      return graph.floats(stored.values, shape ?? stored.shape);
    };
    switch (layer.type) {
      case 'conv2d': {
        const { kernel, stride = 1, padding = 'valid' } = layer;
        const stored = state[`${part}.${layer.name}.kernel`].values;
        const w = graph.floats(hwioToOihw(stored, kernel, channelsOf(input), layer.filters), [
          layer.filters,
          channelsOf(input),
          kernel,
          kernel,
        ]);
        x = graph.node('Conv', [x, w, parameter('bias')], {
          kernel_shape: [kernel, kernel],
          strides: [stride, stride],
          pads: padsOf(input, output, kernel, stride, padding),
        });
        break;
      }
      case 'dense':
        x = graph.node('Gemm', [x, parameter('kernel'), parameter('bias')]);
        break;
      case 'max-pool': {
        const { size, stride = size } = layer;
        x = graph.node('MaxPool', [x], { kernel_shape: [size, size], strides: [stride, stride] });
        break;
      }
      case 'batch-norm':
        x = graph.node('BatchNormalization', [x, ...['gamma', 'beta', 'mean', 'variance'].map((p) => parameter(p))], {
          epsilon: { float: BATCH_NORM_EPSILON },
        });
        break;
      case 'relu':
        x = graph.node('Relu', [x]);
        break;
      case 'prelu':
        x = graph.node('PRelu', [x, parameter('slope', input.length === 3 ? [channelsOf(input), 1, 1] : undefined)]);
        break;
      case 'flatten':
        x = flatten(graph, x, input);
        break;
      case 'binary-conv2d':
      case 'binary-dense':
        throw new Error(`layer ${layer.name}: the full network has float layers only`);
      default:
        unknownLayer(layer);
    }
  }
  graph.output(TAIL_OUTPUT, x, 'float32', ['batch', network.classes]);
  return graph.encode(`${network.name}-${parts.join('-')}`);
}

/** Features in the order of height, width, channels. */
function flatten(graph: Graph, x: string, input: Shape): string {
  const nhwc = input.length === 3 ? graph.node('Transpose', [x], { perm: [0, 2, 3, 1] }) : x;
  return graph.node('Reshape', [nhwc, graph.integers([-1, featuresOf(input)])]);
}

function padsOf(input: Shape, output: Shape, kernel: number, stride: number, padding: 'valid' | 'same'): number[] {
  const before = [0, 1].map((axis) => windowed(input[axis]!, kernel, stride, padding).before);
  const after = [0, 1].map((axis) =>
    Math.max(0, padding === 'valid' ? 0 : (output[axis]! - 1) * stride + kernel - input[axis]! - before[axis]),
  );
  return [...before, ...after];
}

function hwioToOihw(kernel: Float32Array, size: number, channels: number, filters: number): Float32Array {
  const taps = size * size;
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
