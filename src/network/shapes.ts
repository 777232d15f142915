import { UserError } from '../base/errors.js';
import { type JointNetwork, type Layer, PARTS, type Padding, type Part, type Shape, unknownLayer } from './layers.js';

/** A layer at its place: what comes in, what goes out. */
export interface PlacedLayer {
  readonly part: Part;
  readonly layer: Layer;
  readonly input: Shape;
  readonly output: Shape;
}

/** Output size and padding before the first row or column. Padding `same` gives the odd one to the end, as tfjs does. */
export function windowed(
  size: number,
  kernel: number,
  stride: number,
  padding: Padding,
): { readonly out: number; readonly before: number } {
  if (padding === 'valid') return { out: Math.floor((size - kernel) / stride) + 1, before: 0 };
  const out = Math.ceil(size / stride);
  return { out, before: Math.max(0, (out - 1) * stride + kernel - size) >> 1 };
}

/**
 * The shape that a layer makes of its input.
 *
 * @throws UserError where the layer does not fit the input.
 */
export function outputShape(layer: Layer, input: Shape): Shape {
  switch (layer.type) {
    case 'conv2d':
    case 'binary-conv2d': {
      const [height, width] = image(layer, input);
      const { kernel, stride = 1, padding = 'valid' } = layer;
      const shape: Shape = [
        windowed(height, kernel, stride, padding).out,
        windowed(width, kernel, stride, padding).out,
        layer.filters,
      ];
      return positive(layer, input, shape);
    }
    case 'max-pool': {
      const [height, width, channels] = image(layer, input);
      const { size, stride = size } = layer;
      const shape: Shape = [
        windowed(height, size, stride, 'valid').out,
        windowed(width, size, stride, 'valid').out,
        channels,
      ];
      return positive(layer, input, shape);
    }
    case 'flatten':
      return [featuresOf(input)];
    case 'dense':
    case 'binary-dense':
      if (input.length !== 1) throw misfit(layer, input, 'features: put a flatten layer before it');
      return [layer.units];
    case 'batch-norm':
    case 'relu':
    case 'prelu':
      return input;
    default:
      return unknownLayer(layer);
  }
}

/** All layers of a network with their shapes, part by part. @throws UserError where a layer does not fit. */
export function placeLayers(network: JointNetwork): PlacedLayer[] {
  const placed: PlacedLayer[] = [];
  let sharedOutput: Shape = network.input;
  for (const part of PARTS) {
    let input: Shape = part === 'shared' ? network.input : sharedOutput;
    for (const layer of network[part]) {
      const output = outputShape(layer, input);
      placed.push({ part, layer, input, output });
      input = output;
    }
    if (part === 'shared') sharedOutput = input;
    else if (input.length !== 1 || input[0] !== network.classes) {
      throw new UserError(
        `network ${network.name}: expected the ${part} part to end in ${network.classes} logits, found [${input}]`,
      );
    }
  }
  return placed;
}

/** What the shared part gives: input of both branches, and what the edge is sent. */
export function sharedShape(network: JointNetwork): Shape {
  return network.shared.reduce<Shape>((shape, layer) => outputShape(layer, shape), network.input);
}

export const featuresOf = (shape: Shape): number => shape.reduce((product, size) => product * size, 1);

/** Channels of an image, or the number of features: the length of per-channel parameters. */
export const channelsOf = (shape: Shape): number => shape[shape.length - 1];

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
