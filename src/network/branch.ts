import { UserError } from '../base/errors.js';
import { exitsOf } from '../base/exits.js';
import { type BinaryOptions, binaryBlocks } from './binary-block.js';
import type { Exit, JointNetwork, Layer, Residual, Shape } from './layers.js';
import { channelsOf, outputShape } from './shapes.js';

/** How many binary layers a branch has: convolutions, and fully-connected layers before its float last one. */
export interface BranchSize {
  readonly conv: number;
  readonly fc: number;
}

/** What a branch is: binary, of this size or mirroring the rest; a float exit; or none, the full network alone. */
export type BranchForm = BranchSize | 'mirror' | 'float' | 'none';

/** @throws UserError for what is none of `mirror`, `float`, `none` and `conv=N,fc=M` */
export function parseBranch(text: string): BranchForm {
  if (text === 'mirror' || text === 'float' || text === 'none') return text;
  const [, conv, fc] = /^conv=(\d{1,3}),fc=(\d{1,3})$/.exec(text) ?? [];
  if (conv === undefined) throw new UserError(`branch: expected mirror, float, none, or conv=N,fc=M, found ${text}`);
  return { conv: Number(conv), fc: Number(fc) };
}

export interface BranchOptions extends BinaryOptions {
  /**
   * Layer after which the branch leaves, with the batch normalisation and pools behind it. Default `conv1`. Several
   * exits have one each, in the order of the network, separated by commas: `conv1,conv3`.
   */
  readonly attach?: string;
  /** Every branch. Default `mirror`: as many binary layers as the rest of the full network has behind it. */
  readonly branch?: BranchForm;
}

/**
 * The joint network of a float chain: what comes up to the layer of attachment is shared, the rest is the full branch,
 * and the binary branch mirrors the rest (paper 3.1.2, 3.4.1; Fig. 7 for its size). Several layers of attachment make
 * several exits (BranchyNet, Teerapittayanon et al. 2016), each branch mirroring what is left of the chain behind it. A
 * network alone is all shared: what its one exit gives is what the network gives.
 *
 * @throws UserError where no layer has a name of attachment, they are not in order, or a branch can't have the size
 */
export function jointNetwork(
  name: string,
  input: JointNetwork['input'],
  classes: number,
  chain: readonly Layer[],
  { attach = 'conv1', branch: form = 'mirror', ...binary }: BranchOptions = {},
): JointNetwork {
  if (form === 'none') return { name, input, classes, shared: chain, full: [], branch: [], floatExits: true };
  const names = attach.split(',').map((text) => text.trim());
  const cuts = names.map((layer) => attachment(chain, layer));
  const early = cuts.findIndex((cut, i) => cut <= (cuts[i - 1] ?? 0));
  if (early >= 0) {
    throw new UserError(
      `attach: expected layers in the order of the network, each once, found ${names[early]} after ${names[early - 1]}`,
    );
  }
  let attached: Shape = input;
  const exits = cuts.map((cut, i) => {
    const shared = chain.slice(cuts[i - 1] ?? 0, cut);
    attached = shared.reduce<Shape>((shape, layer) => outputShape(layer, shape), attached);
    const rest = chain.slice(cut);
    if (form === 'float') return { shared, branch: floatExit(rest, attached) };
    const size = form === 'mirror' ? undefined : form;
    return { shared, branch: binaryMirror(rest, attached, { after: names[i], size, binary }) };
  });
  const [{ shared, branch }, ...further] = exits;
  const full = chain.slice(cuts[cuts.length - 1]);
  const more = { ...(further.length > 0 ? { further } : {}), ...(form === 'float' ? { floatExits: true } : {}) };
  return { name, input, classes, shared, full, branch, ...more };
}

/** The float chain that a joint network was made of: all its shared parts, then the rest of the full network. */
export const trunkOf = (network: JointNetwork): readonly Layer[] => [
  ...exitsOf<Exit>(network).flatMap(({ shared }) => shared),
  ...network.full,
];

/** The layers of a float chain that a branch can leave behind, in order. */
export const attachmentNames = (chain: readonly Layer[]): string[] =>
  chain.slice(0, -1).flatMap((layer) => attachmentName(layer) ?? []);

/** How many binary convolutions a branch on the rest of a float chain can have, in ascending order from 0. */
export function possibleConvolutions(rest: readonly Layer[]): number[] {
  const counts = rest
    .slice(0, -1)
    .map(convolutionsOf)
    .filter((count) => count > 0);
  return [0, ...counts.map((_, i) => counts.slice(0, i + 1).reduce((a, b) => a + b))];
}

/** Where the shared part ends: behind the layer of that name and the batch normalisation and pools that follow it. */
function attachment(chain: readonly Layer[], name: string): number {
  const candidates = chain.slice(0, -1).map(attachmentName);
  let cut = candidates.indexOf(name) + 1;
  if (cut === 0) {
    throw new UserError(`attach: no layer ${name}; expected one of: ${attachmentNames(chain).join(', ')}`);
  }
  while (chain[cut].type === 'batch-norm' || chain[cut].type === 'max-pool') cut++;
  return cut;
}

/** Convolutions and dense layers by name; residual blocks by what the names of their layers begin with. */
function attachmentName(layer: Layer): string | undefined {
  if (layer.type === 'residual') {
    const first = layer.body.find((inner) => 'name' in inner);
    return first && 'name' in first ? first.name.slice(0, first.name.lastIndexOf('-')) : undefined;
  }
  return layer.type === 'conv2d' || layer.type === 'dense' ? layer.name : undefined;
}

/** Height and width, about, of what the last layer of a float exit reads. */
const POOLED = 4;

/**
 * A float exit as those of BranchyNet, in one form for all networks: the ReLU that the cut left behind, a 3x3 convolution
 * with as many filters as the trunk has there, batch normalisation, ReLU, a mean over the places of a grid of about 4x4,
 * and the last layer of the network. Where the trunk gives features already, that layer alone.
 */
function floatExit(rest: readonly Layer[], input: Shape): Layer[] {
  const activation = rest.slice(0, 1).filter(({ type }) => type === 'relu');
  const last = rest[rest.length - 1];
  if (input.length === 1) return [...activation, last];
  const size = Math.floor(Math.min(input[0], input[1]) / POOLED);
  return [
    ...activation,
    { type: 'conv2d', name: 'conv', filters: input[2], kernel: 3, padding: 1, bias: false },
    { type: 'batch-norm', name: 'bn' },
    { type: 'relu' },
    ...(size > 1 ? [{ type: 'average-pool', size } as const] : []),
    { type: 'flatten' },
    last,
  ];
}

interface MirrorOptions {
  /** The layer of attachment, for messages. */
  readonly after: string;
  readonly size?: BranchSize;
  readonly binary: BinaryOptions;
}

/**
 * Float layers in binary. A hidden convolution or dense layer becomes, by default, batch normalisation, sign and binary
 * layer, batch normalisation, PReLU; the full network's own normalisation and ReLUs go; pools, depthwise convolutions
 * and the last layer stay float. Batch normalisation + PReLU after a binary layer, before pooling, was worth more than
 * anything else in trials. Shortcuts stay real-valued, around every single convolution where the shapes allow it.
 */
function binaryMirror(rest: readonly Layer[], input: Shape, { after, size, binary }: MirrorOptions): Layer[] {
  const branch: Layer[] = [];
  const blocks = binaryBlocks(binary);
  let shape = input;
  const push = (...layers: Layer[]): void => {
    for (const layer of layers) shape = outputShape(layer, shape);
    branch.push(...layers);
  };
  const inBinary = (layer: Layer): Layer[] => (layer.type === 'conv2d' ? blocks.conv(layer) : [layer, blocks.norm()]); // depthwise layers stay float

  const residual = (block: Residual): void => {
    const weighted = block.body.filter((layer) => layer.type === 'conv2d' || layer.type === 'depthwise-conv2d');
    const everyOne = binary.shortcuts !== 'block' && shortcutsFit(weighted, shape);
    for (const group of everyOne ? weighted.map((layer) => [layer]) : [weighted]) {
      const body = group.flatMap((layer, i) => [...(i > 0 ? blocks.activation() : []), ...inBinary(layer)]);
      const to = body.reduce((s, layer) => outputShape(layer, s), shape);
      const shortcut = blocks.shortcut(`${group[0].name}-shortcut`, shape, to);
      push({ type: 'residual', body, shortcut }, ...blocks.activation());
    }
  };

  const last = rest[rest.length - 1];
  const hidden = rest.slice(0, -1);
  const convolutional = hidden.filter((layer) => layer.type !== 'dense' && layer.type !== 'flatten');
  const wanted = size?.conv ?? Number.POSITIVE_INFINITY;
  let convolutions = 0;
  for (const layer of convolutional) {
    const cost = convolutionsOf(layer);
    if (cost > 0 && convolutions + cost > wanted) break;
    convolutions += cost;
    if (layer.type === 'residual') residual(layer);
    else if (layer.type === 'conv2d' || layer.type === 'depthwise-conv2d') {
      push(...inBinary(layer), ...blocks.activation());
    } else if (layer.type !== 'relu' && layer.type !== 'batch-norm') push(layer);
  }
  if (size && convolutions !== size.conv) {
    const possible = possibleConvolutions(rest).join(', ');
    throw new UserError(`branch after ${after}: expected one of ${possible} convolutions, found ${size.conv}`);
  }

  const units = denseUnits(hidden, size?.fc, channelsOf(shape));
  for (const [i, count] of units.entries()) {
    push(...blocks.beforeSign());
    if (shape.length === 3) push({ type: 'flatten' });
    push(blocks.dense(`fc${i + 1}`, count), ...blocks.afterSums(), ...blocks.activation());
  }
  if (shape.length === 3) push({ type: 'flatten' });
  // A branch with more layers than the full network reaches the name of its last one.
  const taken = last.type === 'dense' && units.some((_, i) => last.name === `fc${i + 1}`);
  push(taken ? { ...last, name: `fc${units.length + 1}` } : last);
  return branch;
}

/** Units of the binary dense layers: the full network's; where more are asked for, as many as the last of them had. */
function denseUnits(hidden: readonly Layer[], wanted: number | undefined, channels: number): number[] {
  const units = hidden.flatMap((layer) => (layer.type === 'dense' ? [layer.units] : []));
  return Array.from({ length: wanted ?? units.length }, (_, i) => units[i] ?? units.at(-1) ?? channels);
}

function convolutionsOf(layer: Layer): number {
  if (layer.type === 'residual') return layer.body.reduce((sum, inner) => sum + convolutionsOf(inner), 0);
  return layer.type === 'conv2d' ? 1 : 0;
}

/** Can every one of these convolutions have a shortcut of its own, that is: does none of them drop channels? */
function shortcutsFit(layers: readonly Layer[], input: Shape): boolean {
  let channels = channelsOf(input);
  return layers.every((layer) => {
    if (layer.type !== 'conv2d') return false;
    const fits = layer.filters % channels === 0;
    channels = layer.filters;
    return fits;
  });
}
