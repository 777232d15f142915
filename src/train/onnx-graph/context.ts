import { UserError } from '../../base/errors.js';
import type { NamedArrays } from '../../base/tensors.js';
import type { Layer } from '../../network/layers.js';
import type { GraphNode, Observed } from './observed.js';
import type { GraphLayer, Place } from './place.js';

/** A node with everything that its operator needs to become layers. */
export interface Context {
  readonly node: GraphNode;
  readonly observed: Observed;
  /** Name of its first output. */
  readonly output: string;
  /** The place of an input; undefined for a constant. */
  place(index: number): Place | undefined;
  /** A whole number of an attribute. */
  whole(attribute: string, byDefault: number): number;
  /** Whole numbers of an attribute; undefined if it isn't given. */
  wholes(attribute: string): number[] | undefined;
  float(attribute: string, byDefault: number): number;
  text(attribute: string): string | undefined;
  /** A layer that stands for this node. */
  layer(layer: Layer, parameters?: NamedArrays): GraphLayer;
  /** An error that names the node and its operator. */
  refuse(expected: string, found: string): UserError;
}

/** Turns a node into layers behind the place of its first input that isn't constant. */
export type Operator = (context: Context, x: Place) => Place;

export function contextOf(
  node: GraphNode,
  observed: Observed,
  places: ReadonlyMap<string, Place>,
  path: string,
): Context {
  const attribute = (name: string) => node.attribute?.find((given) => given.name === name);
  const output = node.output![0];
  const title = node.name ? `node ${node.name} (${node.opType})` : `node ${node.opType} of ${output}`;
  return {
    node,
    observed,
    output,
    place: (index) => places.get(node.input![index]),
    whole: (name, byDefault) => Number(attribute(name)?.i ?? byDefault),
    wholes: (name) => attribute(name)?.ints?.map(Number),
    float: (name, byDefault) => Math.fround(attribute(name)?.f ?? byDefault),
    text: (name) => {
      const bytes = attribute(name)?.s;
      return bytes?.length ? Buffer.from(bytes).toString('utf8') : undefined;
    },
    layer: (layer, parameters) => ({
      layer,
      parameters,
      source: sourceName(node),
      input: node.input![0],
      output,
    }),
    refuse: (expected, found) => new UserError(`${path}, ${title}: expected ${expected}, found ${found}`),
  };
}

/** The name of the weights if it tells more than the node's, such as `layer1.0.conv1`. */
function sourceName({ name, input, output }: GraphNode): string {
  const weights = /^(.+)\.(weight|kernel|gamma)$/.exec(input?.[1] ?? '')?.[1];
  return weights ?? (name || output![0]);
}
