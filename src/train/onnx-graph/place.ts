import type { NamedArrays } from '../../base/tensors.js';
import type { Layer, Shape, Sides } from '../../network/layers.js';
import { outputShape } from '../../network/shapes.js';

/** A layer that was made from nodes of a graph. Its name comes later. */
export interface GraphLayer {
  readonly layer: Layer;
  /** Its parameters, in our order of axes. */
  readonly parameters?: NamedArrays;
  /** The name of its weights, or of its node, in the file. */
  readonly source: string;
  /** The tensors of the file that it reads and writes. */
  readonly input: string;
  readonly output: string;
  /** The chains of a residual layer. */
  readonly body?: readonly GraphLayer[];
  readonly shortcut?: readonly GraphLayer[];
}

/** A tensor of a graph, as the end of a chain of layers that starts at the image. */
export interface Place {
  readonly tensor: string;
  /** The nearest tensor before it that all ways from the image lead through; undefined for the image. */
  readonly from?: Place;
  /** Number of such tensors before it. */
  readonly depth: number;
  /** The layers from there to here. */
  readonly layers: readonly GraphLayer[];
  /** Shape in our terms: an image (height, width, channels) or features. */
  readonly shape: Shape;
  /** The file's order of axes, if the tensor has four. */
  readonly channelsFirst: boolean;
  /** The image that these features were, if the file has them in the order channels, height, width. */
  readonly flattened?: readonly [height: number, width: number, channels: number];
  /** Zeros around the image that the next layer adds. */
  readonly padding?: Sides;
}

export const imagePlace = (tensor: string, shape: Shape, channelsFirst: boolean): Place => ({
  tensor,
  depth: 0,
  layers: [],
  shape,
  channelsFirst,
});

/** The place of a node's output, behind these layers. */
export function extended(
  from: Place,
  tensor: string,
  layers: readonly GraphLayer[],
  changes: Partial<Pick<Place, 'channelsFirst' | 'flattened' | 'padding'>> = {},
): Place {
  const shape = layers.reduce<Shape>((input, { layer }) => outputShape(layer, input), from.shape);
  const { channelsFirst, flattened, padding } = from;
  return { channelsFirst, flattened, padding, ...changes, tensor, from, depth: from.depth + 1, layers, shape };
}

/** The place that replaces the last layer before `place`. */
export function replacingLast(place: Place, tensor: string, last: GraphLayer): Place {
  return { ...place, tensor, layers: [...place.layers.slice(0, -1), last] };
}

/** The nearest place that all ways to both places lead through. */
export function meeting(a: Place, b: Place): Place {
  let [left, right] = [a, b];
  while (left !== right) {
    if (left.depth >= right.depth) left = left.from!;
    else right = right.from!;
  }
  return left;
}

/** The layers from a place to one behind it. */
export function between(from: Place, to: Place): GraphLayer[] {
  const chains: (readonly GraphLayer[])[] = [];
  for (let place = to; place !== from; place = place.from!) chains.push(place.layers);
  return chains.reverse().flat();
}
