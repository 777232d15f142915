import { exitsOf, numbered } from '../base/exits.js';
import { isBranch, type JointNetwork, type Shape } from './layers.js';
import { type PlacedLayer, placeLayers, sharedShapes } from './shapes.js';

/**
 * The head of a network is what `--views` trains: the full network's last layer and the branches. It reads what the
 * frozen layers before it compute: the outputs of the shared parts (`shared`, `shared2`, ...), and the input of the last
 * layer (`full`).
 */
export type HeadInputs = Readonly<Record<string, Shape>>;

/** Names and shapes of what the head reads, in a fixed order. */
export function headInputs(network: JointNetwork): HeadInputs {
  const shared = sharedShapes(network).map((shape, i) => [numbered('shared', i), shape] as const);
  return { ...Object.fromEntries(shared), full: lastLayer(network).input };
}

/** Whether a parameter belongs to the head. */
export function isOfHead(network: JointNetwork, parameter: string): boolean {
  const last = network.full.at(-1);
  return isBranch(parameter) || (last !== undefined && 'name' in last && parameter.startsWith(`full.${last.name}.`));
}

/** The last layer of the full network. */
export function lastLayer(network: JointNetwork): PlacedLayer {
  const last = placeLayers(network).findLast(({ part }) => part === 'full');
  if (!last) throw new Error(`network ${network.name} has no layers behind its shared part`);
  return last;
}

/** The frozen layers, part by part: those that compute `shared`, then `shared2`, ..., then `full`. */
export function frozenParts(network: JointNetwork): readonly { name: string; layers: readonly PlacedLayer[] }[] {
  const placed = placeLayers(network);
  const of = (name: string): PlacedLayer[] => placed.filter(({ part }) => part === name);
  const shared = exitsOf(network).map((_, i) => numbered('shared', i));
  return [...shared.map((name) => ({ name, layers: of(name) })), { name: 'full', layers: of('full').slice(0, -1) }];
}

/** Computes what the head reads. */
export interface FrozenLayers {
  /** @param images normalised, [count, height, width, channels] @returns the head's inputs by name, each [count, ...] */
  compute(images: Float32Array, count: number): Promise<Readonly<Record<string, Float32Array>>>;
  close(): Promise<void>;
}

/** Starts the frozen layers of a network with these parameters. */
export type OpenFrozenLayers = (
  network: JointNetwork,
  state: Readonly<Record<string, { readonly shape: readonly number[]; readonly values: Float32Array }>>,
) => Promise<FrozenLayers>;
