import { exitsOf, numbered } from '../base/exits.js';
import { attachmentName } from './branch.js';
import { isBranch, type JointNetwork, type Shape } from './layers.js';
import { type PlacedLayer, placeLayers } from './shapes.js';

/**
 * The head of a network is what training with `--views` changes: the branches, and the full network's last layer with
 * the last `fineTune` blocks before it. It reads what the frozen layers compute: the outputs of the shared parts
 * (`shared`, `shared2`, ...) if there are branches, and the input of the full network's head (`full`).
 */
export type HeadInputs = Readonly<Record<string, Shape>>;

/** Names and shapes of what the head reads, in a fixed order. */
export function headInputs(network: JointNetwork, fineTune = 0): HeadInputs {
  const parts = frozenParts(network, fineTune).filter(({ name }) => name === 'full' || network.branch.length > 0);
  return Object.fromEntries(parts.map(({ name, output }) => [name, output]));
}

/** Tells which parameters belong to the head. */
export function isOfHead(network: JointNetwork, fineTune = 0): (parameter: string) => boolean {
  const names = fullHead(network, fineTune).flatMap(({ layer }) => layerNames(layer));
  return (parameter) => isBranch(parameter) || names.some((name) => parameter.startsWith(`full.${name}.`));
}

/**
 * The layers of the full network's head: the last one, and the last `fineTune` blocks before it; all behind the shared
 * part if they are fewer.
 */
export function fullHead(network: JointNetwork, fineTune = 0): readonly PlacedLayer[] {
  const layers = placeLayers(network).filter(({ part }) => part === 'full');
  if (layers.length === 0) throw new Error(`network ${network.name} has no layers behind its shared part`);
  if (fineTune === 0) return layers.slice(-1);
  const starts = blockStarts(layers.slice(0, -1));
  return fineTune > starts.length ? layers : layers.slice(starts[starts.length - fineTune]);
}

/** Index of the first layer of each block: a residual block, or the convolutions that a name like `stage2-0` joins. */
function blockStarts(layers: readonly PlacedLayer[]): number[] {
  const blocks = layers.map(({ layer }) => {
    const name = attachmentName(layer);
    return name === undefined ? undefined : (/^(.+-\d+)-[a-z]+$/.exec(name)?.[1] ?? name);
  });
  let current: string | undefined;
  return blocks.flatMap((block, i) => {
    if (block === undefined || block === current) return [];
    current = block;
    return [i];
  });
}

/** Names of a layer and of the layers in it. */
function layerNames(layer: PlacedLayer['layer']): string[] {
  if (layer.type === 'residual') return [...layer.body, ...layer.shortcut].flatMap(layerNames);
  return 'name' in layer ? [layer.name] : [];
}

/** Frozen layers that follow one another, and what they compute. */
export interface FrozenPart {
  readonly name: string;
  readonly layers: readonly PlacedLayer[];
  readonly input: Shape;
  readonly output: Shape;
}

/** The frozen layers, part by part: those that compute `shared`, then `shared2`, ..., then `full`. */
export function frozenParts(network: JointNetwork, fineTune = 0): readonly FrozenPart[] {
  const placed = placeLayers(network);
  const of = (name: string): PlacedLayer[] => placed.filter(({ part }) => part === name);
  const shared = exitsOf(network).map((_, i) => numbered('shared', i));
  const head = fullHead(network, fineTune);
  let output: Shape = network.input;
  const part = (name: string, layers: readonly PlacedLayer[]): FrozenPart => {
    const input = output;
    output = layers.at(-1)?.output ?? input;
    return { name, layers, input, output };
  };
  return [...shared.map((name) => part(name, of(name))), part('full', of('full').slice(0, -head.length))];
}

/** Computes what frozen parts compute. */
export interface FrozenLayers {
  /**
   * @param input of the first part, [count, ...]; images are normalised, in NHWC
   * @returns the outputs of all parts by name, each [count, ...], in NHWC
   */
  compute(input: Float32Array, count: number): Promise<Readonly<Record<string, Float32Array>>>;
  close(): Promise<void>;
}

/** Starts successive frozen parts of a network with these parameters. */
export type OpenFrozenLayers = (
  parts: readonly FrozenPart[],
  state: Readonly<Record<string, { readonly shape: readonly number[]; readonly values: Float32Array }>>,
) => Promise<FrozenLayers>;
