import { UserError } from '../../base/errors.js';
import { exitsOf, numbered } from '../../base/exits.js';
import type { JointNetwork, Part, Shape } from '../../network/layers.js';
import { type PlacedLayer, placeLayers } from '../../network/shapes.js';

/**
 * A part of a float network that is never cut: a convolution, dense layer or residual block, with the activations and
 * pools after it. They make the output smaller, so cutting before them would only send more.
 */
export interface Segment {
  readonly name: string;
  readonly layers: readonly PlacedLayer[];
  /** Shape of its input: the data that is sent if the network is cut before it. */
  readonly input: Shape;
  readonly output: Shape;
}

/**
 * The float layers from the image to the logits of the full network, or of an exit with a float branch.
 *
 * @param exit number of the exit, from 1
 * @throws UserError if the network doesn't have this exit, or its branch is binary
 */
export function chainOf(network: JointNetwork, exit?: number): PlacedLayer[] {
  const exits = exitsOf(network).length;
  if (exit !== undefined && !(exit >= 1 && exit <= exits)) {
    throw new UserError(`exit: expected one of the ${exits} of ${network.name}, found ${exit}`);
  }
  const shared = Array.from({ length: exit ?? exits }, (_, i): Part => numbered('shared', i));
  const parts: readonly Part[] = [...shared, exit === undefined ? 'full' : numbered('branch', exit - 1)];
  const chain = placeLayers(network).filter(({ part }) => parts.includes(part));
  if (chain.some(({ layer }) => layer.type.startsWith('binary'))) {
    throw new UserError(`exit ${exit} of ${network.name}: expected float layers, found binary ones; see --branch`);
  }
  return chain;
}

/** Splits a chain of layers into segments, first to last. */
export function segmentsOf(chain: readonly PlacedLayer[]): Segment[] {
  const groups: PlacedLayer[][] = [];
  for (const placed of chain) {
    const { type } = placed.layer;
    const begins = type.endsWith('conv2d') || type === 'dense' || type === 'residual';
    if (groups.length === 0 || (begins && groups.at(-1)!.some((other) => nameOf(other) !== undefined))) {
      groups.push([]);
    }
    groups.at(-1)!.push(placed);
  }
  return groups.map((layers) => ({
    name: layers.map(nameOf).find((name) => name !== undefined) ?? layers[0].layer.type,
    layers,
    input: layers[0].input,
    output: layers[layers.length - 1].output,
  }));
}

/** The layer that names a segment. A residual block is named by the common prefix of its layers. */
function nameOf({ layer, body = [] }: PlacedLayer): string | undefined {
  if (layer.type === 'residual') {
    const first = body.map(nameOf).find((name) => name !== undefined);
    return first?.slice(0, first.lastIndexOf('-'));
  }
  const isWeighted = layer.type.endsWith('conv2d') || layer.type === 'dense';
  return isWeighted && 'name' in layer ? layer.name : undefined;
}
