import { UserError } from '../base/errors.js';
import { exitsOf } from '../base/exits.js';
import { type BinaryOptions, binaryBlocks } from './binary-block.js';
import type { Conv2d, DepthwiseConv2d, Exit, JointNetwork, Layer, Residual, Shape } from './layers.js';
import { channelsOf, outputShape } from './shapes.js';

/** Number of binary layers in a branch: convolutions, and fully-connected layers before its float last layer. */
export interface BranchSize {
  readonly conv: number;
  readonly fc: number;
}

/** A branch of its own design: this many dense 3x3 binary convolutions with real-valued shortcuts (see `blockBranch`). */
export interface BranchBlocks {
  readonly blocks: number;
}

/**
 * Form of a branch: binary with this size, binary and mirroring the rest, binary blocks, a float exit, or none (full
 * network alone).
 */
export type BranchForm = BranchSize | BranchBlocks | 'mirror' | 'float' | 'none';

/** @throws UserError unless the text is `mirror`, `float`, `none`, `blocks=N` or `conv=N,fc=M` */
export function parseBranch(text: string): BranchForm {
  if (text === 'mirror' || text === 'float' || text === 'none') return text;
  const [, blocks] = /^blocks=([1-9]\d?)$/.exec(text) ?? [];
  if (blocks !== undefined) return { blocks: Number(blocks) };
  const [, conv, fc] = /^conv=(\d{1,3}),fc=(\d{1,3})$/.exec(text) ?? [];
  if (conv === undefined) {
    throw new UserError(`branch: expected mirror, float, none, blocks=N, or conv=N,fc=M, found ${text}`);
  }
  return { conv: Number(conv), fc: Number(fc) };
}

export interface BranchOptions extends BinaryOptions {
  /**
   * Layer that the branch is attached behind, after the batch normalisation and pools that follow the layer. Default
   * `conv1`. Several exits name one layer each, in the order of the network, separated by commas: `conv1,conv3`.
   */
  readonly attach?: string;
  /** Form of every branch. Default `mirror`: the same number of layers as the rest of the full network. */
  readonly branch?: BranchForm;
  /** Bits of the shared layers' weights when deployed: 8 or 32. Default 32. */
  readonly sharedBits?: number;
}

/**
 * Makes a joint network from a chain of float layers. The layers up to the attachment are shared, the rest is the full
 * branch, and the binary branch mirrors the rest (paper 3.1.2, 3.4.1; Fig. 7 for its size). Several attachments make
 * several exits (BranchyNet, Teerapittayanon et al. 2016), and each branch mirrors the remaining chain behind it. With
 * `none` all layers are shared, and the output of the only exit is the output of the network.
 *
 * @throws UserError if an attachment doesn't exist, they are out of order, or a branch can't have the size
 */
export function jointNetwork(
  name: string,
  input: JointNetwork['input'],
  classes: number,
  chain: readonly Layer[],
  { attach = 'conv1', branch: form = 'mirror', sharedBits = 32, ...binary }: BranchOptions = {},
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
    if (typeof form === 'object' && 'blocks' in form) {
      return { shared, branch: blockBranch(rest, attached, names[i], form.blocks, binary) };
    }
    const size = form === 'mirror' ? undefined : (form as BranchSize);
    return { shared, branch: binaryMirror(rest, attached, { after: names[i], size, binary }) };
  });
  const [{ shared, branch }, ...further] = exits;
  const full = chain.slice(cuts[cuts.length - 1]);
  const more: Pick<JointNetwork, 'further' | 'floatExits' | 'sharedBits'> = {
    ...(further.length > 0 ? { further } : {}),
    ...(form === 'float' ? { floatExits: true } : {}),
    ...(sharedBits === 8 && form !== 'float' ? { sharedBits } : {}),
  };
  return { name, input, classes, shared, full, branch, ...more };
}

/** The float chain that a joint network was made from: all shared parts, then the rest of the full network. */
export const trunkOf = (network: JointNetwork): readonly Layer[] => [
  ...exitsOf<Exit>(network).flatMap(({ shared }) => shared),
  ...network.full,
];

/** The layers of a float chain that a branch can be attached behind, in order. */
export const attachmentNames = (chain: readonly Layer[]): string[] =>
  chain.slice(0, -1).flatMap((layer) => attachmentName(layer) ?? []);

/** Layers that devices don't compute, so that only the part at the edge can contain them. */
const NOT_ON_DEVICE: ReadonlySet<Layer['type']> = new Set(['general-conv2d', 'sigmoid', 'tanh', 'silu']);

const runsOnDevice = (layer: Layer): boolean =>
  layer.type === 'residual' ? [...layer.body, ...layer.shortcut].every(runsOnDevice) : !NOT_ON_DEVICE.has(layer.type);

/** The layers that a branch on a device can be attached behind: those before the first layer that only the edge computes. */
export function deviceAttachments(chain: readonly Layer[]): string[] {
  const end = chain.findIndex((layer) => !runsOnDevice(layer));
  return attachmentNames(end < 0 ? chain : chain.slice(0, end + 1));
}

/** The possible numbers of binary convolutions in a branch that mirrors the rest of a float chain, ascending from 0. */
export function possibleConvolutions(rest: readonly Layer[]): number[] {
  const counts = rest
    .slice(0, -1)
    .map(convolutionsOf)
    .filter((count) => count > 0);
  return [0, ...counts.map((_, i) => counts.slice(0, i + 1).reduce((a, b) => a + b))];
}

/** Index where the shared part ends: behind the named layer and the batch normalisation and pools that follow it. */
function attachment(chain: readonly Layer[], name: string): number {
  const candidates = chain.slice(0, -1).map(attachmentName);
  let cut = candidates.indexOf(name) + 1;
  if (cut === 0) {
    throw new UserError(`attach: no layer ${name}; expected one of: ${attachmentNames(chain).join(', ')}`);
  }
  while (chain[cut].type === 'batch-norm' || chain[cut].type === 'max-pool') cut++;
  return cut;
}

/** Name of a convolution or dense layer; for a residual block, the common prefix of its layers' names. */
export function attachmentName(layer: Layer): string | undefined {
  if (layer.type === 'residual') {
    const first = layer.body.find((inner) => 'name' in inner);
    return first && 'name' in first ? first.name.slice(0, first.name.lastIndexOf('-')) : undefined;
  }
  return layer.type === 'conv2d' || layer.type === 'dense' ? layer.name : undefined;
}

/** Approximate height and width of the last layer's input in a float exit. */
const POOLED = 4;

/**
 * A float exit like those of BranchyNet, in one form for all networks: the ReLU behind the cut, a 3x3 convolution with
 * the trunk's number of filters, batch normalisation, ReLU, average pooling to about 4x4, and the last layer of the
 * network. If the trunk's output is already flat, the exit is the last layer alone.
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

/** Layers that the branch takes from the full network as they are. */
const POOLS: ReadonlySet<Layer['type']> = new Set(['max-pool', 'average-pool', 'global-average-pool']);

/** Blocks halve their images down to this height and width. */
const SMALLEST_BLOCK = 7;

/**
 * A binary branch for deep attachments, where the rest of the network may consist of pointwise layers that are worth
 * little in binary: 3x3 convolutions, each with a real-valued shortcut. While the image is larger than 7x7, a convolution
 * halves it and doubles the channels. Then global average pooling and the last layer of the network.
 */
function blockBranch(
  rest: readonly Layer[],
  input: Shape,
  after: string,
  count: number,
  binary: BinaryOptions,
): Layer[] {
  if (input.length !== 3) {
    throw new UserError(`branch blocks=${count} after ${after}: expected an image there, found ${input[0]} features`);
  }
  const blocks = binaryBlocks(binary);
  const branch: Layer[] = [];
  let shape: Shape = input;
  for (let i = 1; i <= count; i++) {
    const halves = Math.min(...shape.slice(0, 2)) > SMALLEST_BLOCK;
    const filters = channelsOf(shape) * (halves ? 2 : 1);
    const stride = halves ? 2 : 1;
    const conv = { type: 'conv2d', name: `conv${i}`, filters, kernel: 3, stride, padding: 1, bias: false } as const;
    const body = blocks.conv(conv);
    const to: Shape = body.reduce<Shape>((s, layer) => outputShape(layer, s), shape);
    branch.push({ type: 'residual', body, shortcut: blocks.shortcut(`conv${i}-shortcut`, shape, to) });
    branch.push(...blocks.activation());
    shape = to;
  }
  return [...branch, { type: 'global-average-pool' }, rest[rest.length - 1]];
}

interface MirrorOptions {
  /** The attachment, for messages. */
  readonly after: string;
  readonly size?: BranchSize;
  readonly binary: BinaryOptions;
}

/**
 * The binary version of float layers. By default, a hidden convolution or dense layer becomes batch normalisation, sign
 * and binary layer, batch normalisation, PReLU. The full network's own normalisation and activations are dropped. Pools,
 * depthwise convolutions and the last layer stay float. In our trials, batch normalisation and PReLU between a binary
 * layer and the pool improved accuracy more than anything else. Shortcuts stay real-valued, and go around every single
 * convolution if the shapes allow it.
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
    const weighted = convolutionsIn(block.body);
    if (weighted.length === 0) return;
    const everyOne = binary.shortcuts !== 'block' && shortcutsFit(weighted, shape);
    for (const group of everyOne ? weighted.map((layer) => [layer]) : [weighted]) {
      const body = group.flatMap((layer, i) => [...(i > 0 ? blocks.activation() : []), ...inBinary(layer)]);
      const to = body.reduce((s, layer) => outputShape(layer, s), shape);
      const shortcut = blocks.shortcut(`${group[0].name}-shortcut`, shape, to);
      const reached = shortcut.reduce((s, layer) => outputShape(layer, s), shape);
      // A shortcut halves an image at most: behind a block that shrinks it otherwise, the branch goes on without one.
      if (`${reached}` === `${to}`) push({ type: 'residual', body, shortcut }, ...blocks.activation());
      else push(...body, ...blocks.activation());
    }
  };

  const last = rest[rest.length - 1];
  const hidden = rest.slice(0, -1).map(withSquareWindows);
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
    } else if (POOLS.has(layer.type)) push(layer);
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
  // In a branch with more dense layers than the full network, the last layer's name may already be in use.
  const taken = last.type === 'dense' && units.some((_, i) => last.name === `fc${i + 1}`);
  push(taken ? { ...last, name: `fc${units.length + 1}` } : last);
  return branch;
}

/** Units of the binary dense layers: those of the full network, the last number repeated if more layers are wanted. */
function denseUnits(hidden: readonly Layer[], wanted: number | undefined, channels: number): number[] {
  const units = hidden.flatMap((layer) => (layer.type === 'dense' ? [layer.units] : []));
  return Array.from({ length: wanted ?? units.length }, (_, i) => units[i] ?? units.at(-1) ?? channels);
}

/** The convolutions of a chain, and of the bodies of the blocks in it. */
function convolutionsIn(chain: readonly Layer[]): (Conv2d | DepthwiseConv2d)[] {
  return chain.flatMap((layer) => {
    if (layer.type === 'residual') return convolutionsIn(layer.body);
    return layer.type === 'conv2d' || layer.type === 'depthwise-conv2d' ? [layer] : [];
  });
}

function convolutionsOf(layer: Layer): number {
  if (layer.type === 'residual') return layer.body.reduce((sum, inner) => sum + convolutionsOf(inner), 0);
  return layer.type === 'conv2d' || layer.type === 'general-conv2d' ? 1 : 0;
}

/** A convolution with any window as the branch mirrors it: square, dense and in one group. */
function withSquareWindows(layer: Layer): Layer {
  if (layer.type === 'residual') {
    return { ...layer, body: layer.body.map(withSquareWindows), shortcut: layer.shortcut.map(withSquareWindows) };
  }
  if (layer.type !== 'general-conv2d') return layer;
  const { name, filters, bias, kernel: sides, strides = [1, 1] } = layer;
  const kernel = Math.max(...sides);
  const padding = kernel >> 1;
  return { type: 'conv2d', name, filters, kernel, stride: Math.max(...strides), padding, bias };
}

/** Whether each of these convolutions can have its own shortcut: none of them may reduce the channels. */
function shortcutsFit(layers: readonly Layer[], input: Shape): boolean {
  let channels = channelsOf(input);
  return layers.every((layer) => {
    if (layer.type !== 'conv2d') return false;
    const fits = layer.filters % channels === 0;
    channels = layer.filters;
    return fits;
  });
}
