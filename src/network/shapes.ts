import { UserError } from '../base/errors.js';
import { exitsOf, numbered } from '../base/exits.js';
import {
  type Exit,
  type GeneralConv2d,
  type JointNetwork,
  type Layer,
  type Padding,
  type Part,
  type Shape,
  unknownLayer,
} from './layers.js';

/** A layer of a network with its input and output shapes. */
export interface PlacedLayer {
  readonly part: Part;
  readonly layer: Layer;
  readonly input: Shape;
  readonly output: Shape;
  /** The layers of a residual layer's two chains. */
  readonly body?: readonly PlacedLayer[];
  readonly shortcut?: readonly PlacedLayer[];
}

/**
 * Output size, and padding before the first row or column. With `same`, an odd pixel is padded at the end, as in tfjs.
 *
 * @param axis 0 for rows, 1 for columns
 */
export function windowed(
  size: number,
  kernel: number,
  stride: number,
  padding: Padding,
  axis: number,
): { readonly out: number; readonly before: number } {
  if (padding !== 'same') {
    const [before, after] = typeof padding === 'object' ? [padding[axis], padding[axis + 2]] : bothSides(padding);
    return { out: Math.floor((size + before + after - kernel) / stride) + 1, before };
  }
  const out = Math.ceil(size / stride);
  return { out, before: Math.max(0, (out - 1) * stride + kernel - size) >> 1 };
}

/**
 * For every output pixel of an average pool, its window's pixels divided by those inside the image: what a mean with padding
 * is multiplied by to become a mean without.
 */
export function insideFactors(
  input: readonly number[],
  output: Shape,
  size: number,
  stride: number,
  padding: Padding,
): Float32Array {
  const [rows, columns] = [0, 1].map((axis) => {
    const { before } = windowed(input[axis], size, stride, padding, axis);
    return Array.from({ length: output[axis]! }, (_, i) => {
      const start = i * stride - before;
      return Math.min(start + size, input[axis]) - Math.max(start, 0);
    });
  });
  return Float32Array.from(rows.flatMap((inRow) => columns.map((inColumn) => size ** 2 / (inRow * inColumn))));
}

const bothSides = (padding: 'valid' | number): readonly [number, number] =>
  padding === 'valid' ? [0, 0] : [padding, padding];

/**
 * The output shape of a layer for an input shape.
 *
 * @throws UserError if the layer doesn't fit the input
 */
export function outputShape(layer: Layer, input: Shape): Shape {
  switch (layer.type) {
    case 'conv2d':
    case 'depthwise-conv2d':
    case 'binary-conv2d':
    case 'level-conv2d':
      return windowedShape(layer, input, layer, 'filters' in layer ? layer.filters : undefined);
    case 'general-conv2d':
      return generalShape(layer, input);
    case 'max-pool':
    case 'average-pool':
      return windowedShape(layer, input, {
        kernel: layer.size,
        stride: layer.stride ?? layer.size,
        padding: layer.padding,
      });
    case 'global-average-pool':
      return [image(layer, input)[2]];
    case 'repeat-channels': {
      const [height, width, channels] = image(layer, input);
      return [height, width, channels * layer.times];
    }
    case 'residual': {
      const [body, shortcut] = [layer.body, layer.shortcut].map((chain) =>
        chain.reduce((s, l) => outputShape(l, s), input),
      );
      if (`${body}` !== `${shortcut}`) {
        throw new UserError(
          `layer residual: expected body and shortcut with the same shape, found [${body}] and [${shortcut}]`,
        );
      }
      return body;
    }
    case 'flatten':
      return [featuresOf(input)];
    case 'dense':
    case 'binary-dense':
      if (input.length !== 1) throw misfit(layer, input, 'features: put a flatten layer before it');
      return [layer.units];
    case 'batch-norm':
    case 'shift':
    case 'scale':
    case 'hard-tanh':
    case 'relu':
    case 'prelu':
    case 'leaky-relu':
    case 'sigmoid':
    case 'tanh':
    case 'silu':
    case 'hard-sigmoid':
    case 'hard-swish':
    case 'quantise':
      return input;
    default:
      return unknownLayer(layer);
  }
}

/**
 * All layers of a network with their shapes, part by part: first the trunk in the order of its layers (`shared`,
 * `shared2`, ..., `full`), then the branches. @throws UserError if a layer doesn't fit its input
 */
export function placeLayers(network: JointNetwork): PlacedLayer[] {
  const exits = exitsOf<Exit>(network);
  const ends = sharedShapes(network);
  const answering = (part: Part, layers: readonly Layer[], start: Shape): PlacedLayer[] => {
    const placed = placeChain(part, layers, start);
    const end = placed.at(-1)?.output ?? start;
    if (end.length !== 1 || end[0] !== network.classes) {
      throw new UserError(
        `network ${network.name}: expected the ${part} part to end in ${network.classes} logits, found [${end}]`,
      );
    }
    return placed;
  };
  return [
    ...exits.flatMap(({ shared }, i) => placeChain(numbered('shared', i), shared, ends[i - 1] ?? network.input)),
    ...answering('full', network.full, ends[ends.length - 1]),
    // An exit without a branch: the full network's logits stand for its own.
    ...exits.flatMap(({ branch }, i) => (branch.length === 0 ? [] : answering(numbered('branch', i), branch, ends[i]))),
  ];
}

function placeChain(part: Part, layers: readonly Layer[], start: Shape): PlacedLayer[] {
  let input = start;
  return layers.map((layer) => {
    const output = outputShape(layer, input);
    const chains =
      layer.type === 'residual'
        ? { body: placeChain(part, layer.body, input), shortcut: placeChain(part, layer.shortcut, input) }
        : {};
    const placed = { part, layer, input, output, ...chains };
    input = output;
    return placed;
  });
}

/** The layers, each followed by the layers inside it if it is residual: body, then shortcut. */
export function flattenChains(placed: readonly PlacedLayer[]): PlacedLayer[] {
  return placed.flatMap((layer) => [layer, ...flattenChains(layer.body ?? []), ...flattenChains(layer.shortcut ?? [])]);
}

/** Output shapes of the shared parts: the inputs of the branches. */
export function sharedShapes(network: JointNetwork): Shape[] {
  let shape: Shape = network.input;
  return exitsOf<Exit>(network).map(({ shared }) => {
    shape = shared.reduce<Shape>((input, layer) => outputShape(layer, input), shape);
    return shape;
  });
}

/** Output shape of the last shared part: the input of the full part, and what the edge receives. */
export function sharedShape(network: JointNetwork): Shape {
  return sharedShapes(network).at(-1)!;
}

export const featuresOf = (shape: Shape): number => shape.reduce((product, size) => product * size, 1);

/** Channels of an image, or the number of features: the length of per-channel parameters. */
export const channelsOf = (shape: Shape): number => shape[shape.length - 1];

/** Shape after sliding windows over an image. Without `filters` the number of channels stays. */
function windowedShape(
  layer: Layer,
  input: Shape,
  { kernel, stride = 1, padding = 'valid' }: { kernel: number; stride?: number; padding?: Padding },
  filters?: number,
): Shape {
  const [height, width, channels] = image(layer, input);
  const [oh, ow] = [height, width].map((size, axis) => windowed(size, kernel, stride, padding, axis).out);
  return positive(layer, input, [oh, ow, filters ?? channels]);
}

function generalShape(layer: GeneralConv2d, input: Shape): Shape {
  const { kernel, strides = [1, 1], dilations = [1, 1], padding, filters, groups = 1 } = layer;
  const { length, 2: channels } = image(layer, input);
  if (channels % groups !== 0 || filters % groups !== 0) {
    throw misfit(layer, input, `channels and filters in ${groups} groups of the same size`);
  }
  const sizes = input.slice(0, length - 1).map((size, axis) => {
    const reach = (kernel[axis] - 1) * dilations[axis] + 1;
    return windowed(size, reach, strides[axis], padding, axis).out;
  });
  return positive(layer, input, [sizes[0], sizes[1], filters]);
}

function image(layer: Layer, input: Shape): readonly [number, number, number] {
  if (input.length !== 3) throw misfit(layer, input, 'an image (height, width, channels)');
  return input;
}

function positive(layer: Layer, input: Shape, shape: Shape): Shape {
  if (shape.some((size) => size < 1)) throw misfit(layer, input, 'an input at least as large as its window');
  return shape;
}

function misfit(layer: Layer, input: Shape, expected: string): UserError {
  const name = 'name' in layer ? `${layer.type} ${layer.name}` : layer.type;
  return new UserError(`layer ${name}: expected ${expected}, found an input of shape [${input.join(', ')}]`);
}
