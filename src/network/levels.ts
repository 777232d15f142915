import type { NamedArrays } from '../base/tensors.js';
import { exactDepthwiseSteps, exactSteps, type SteppedKernel } from './deployed.js';
import { BATCH_NORM_EPSILON, type JointNetwork, type Layer } from './layers.js';
import { channelsOf, type PlacedLayer, placeLayers } from './shapes.js';

/** Largest level of an activation: 7 bits, which every machine multiplies alike in relaxed SIMD. */
const MOST = 127;
/** Products of a sum at most: less than 2^24 in all, so that float32 has every sum exactly. The kernels have the same limit. */
const MOST_TERMS = 1040;

/** Smallest and largest value of an activation, by its name: `image`, or that of the layer or block that it comes from. */
export type ActivationRanges = Readonly<Record<string, readonly [least: number, most: number]>>;

/** A layer with weights, or a residual block, and the layers behind it that its epilogue includes. */
interface Group {
  readonly name: string;
  readonly placed: PlacedLayer;
  /** Batch normalisations. */
  readonly norms: readonly PlacedLayer[];
  /** Whether a ReLU follows. */
  readonly rectified: boolean;
  /** The chains of a residual block. */
  readonly body: readonly Group[];
  readonly shortcut: readonly Group[];
  /** Number of layers of the chain. */
  readonly length: number;
}

/**
 * The first shared layers, as far as they can be computed in levels: convolutions with batch normalisation and ReLUs, and
 * residual blocks of these. Empty unless `sharedBits` is 8.
 *
 * @param shared the layers up to the first exit
 */
function levelGroups(network: JointNetwork, shared: readonly PlacedLayer[]): Group[] {
  const groups = network.sharedBits === 8 ? groupsOf(shared, undefined) : [];
  // The last group gives floats, which the kernel of a depthwise convolution can't. Its ReLU is computed in float.
  while (groups.at(-1)?.placed.layer.type === 'depthwise-conv2d') groups.pop();
  return groups.map((group, i) =>
    i === groups.length - 1 && group.rectified ? { ...group, rectified: false, length: group.length - 1 } : group,
  );
}

/** The groups at the start of a chain. @param before the group that gives the chain's input */
function groupsOf(chain: readonly PlacedLayer[], before: Group | undefined): Group[] {
  const groups: Group[] = [];
  for (let at = 0; at < chain.length; ) {
    const group = groupAt(chain, at, groups.at(-1) ?? before);
    if (!group) break;
    groups.push(group);
    at += group.length;
  }
  return groups;
}

function groupAt(chain: readonly PlacedLayer[], at: number, before: Group | undefined): Group | undefined {
  const placed = chain[at];
  const { part, layer } = placed;
  if (layer.type === 'residual') {
    if (!before) return undefined;
    const [body, shortcut] = [placed.body ?? [], placed.shortcut ?? []].map((inner) => groupsOf(inner, before));
    const [inBody, inShortcut] = [body, shortcut].map((own) => own.reduce((sum, { length }) => sum + length, 0));
    if (body.length === 0 || inBody < layer.body.length || inShortcut < layer.shortcut.length) return undefined;
    return { name: `${body[0].name}.sum`, placed, body, shortcut, ...followers(chain, at, at + 1) };
  }
  if (layer.type !== 'conv2d' && layer.type !== 'depthwise-conv2d') return undefined;
  // Outside the image a depthwise kernel reads level 0, which is the value 0 only behind a ReLU.
  if (layer.type === 'depthwise-conv2d' && !before?.rectified) return undefined;
  const terms = layer.kernel ** 2 * (layer.type === 'conv2d' ? channelsOf(placed.input) : 1);
  if (terms > MOST_TERMS) return undefined;
  let end = at + 1;
  while (chain[end]?.layer.type === 'batch-norm') end++;
  return { name: `${part}.${layer.name}`, placed, body: [], shortcut: [], ...followers(chain, at, end) };
}

/** The batch normalisations up to `end`, and whether a ReLU follows. */
function followers(chain: readonly PlacedLayer[], at: number, end: number) {
  const rectified = chain[end]?.layer.type === 'relu';
  return { norms: chain.slice(at + 1, end), rectified, length: end - at + Number(rectified) };
}

/** The shared layers up to the first exit, and those among them (or inside a block) whose outputs become levels, by name. */
export function levelOutputs(network: JointNetwork): {
  shared: readonly PlacedLayer[];
  outputs: ReadonlyMap<PlacedLayer, string>;
} {
  const shared = placeLayers(network).filter(({ part }) => part === 'shared');
  const outputs = new Map<PlacedLayer, string>();
  const visit = (groups: readonly Group[], chain: readonly PlacedLayer[]): void => {
    let end = 0;
    for (const { name, placed, body, shortcut, length } of groups) {
      end += length;
      outputs.set(chain[end - 1], name);
      visit(body, placed.body ?? []);
      visit(shortcut, placed.shortcut ?? []);
    }
  };
  visit(levelGroups(network, shared), shared);
  return { shared, outputs };
}

/** How an activation is stored: value = (level - zero) * step. */
interface LevelScale {
  readonly step: number;
  readonly zero: number;
}

function scaleOf(ranges: ActivationRanges, name: string): LevelScale {
  const [given, most] = ranges[name];
  const least = Math.min(0, given);
  const step = Math.max(Math.max(most, 0) - least, 1e-6) / MOST;
  return { step, zero: Math.round(-least / step) };
}

/**
 * The deployed network with its first shared layers in levels of 7 bits, and its state: convolutions of levels have exact
 * sums, and every result is rounded once. The last of these layers gives floats. The trainer, the device program and the edge
 * all compute this network, so they agree to the bit. Without ranges or layers in 8 bits: the network as it is.
 *
 * @param state the deployed state, with shared kernels in whole steps (`deployedState`)
 */
export function inLevels(
  network: JointNetwork,
  state: NamedArrays,
  ranges: ActivationRanges | undefined,
): { network: JointNetwork; state: NamedArrays } {
  const shared = placeLayers(network).filter(({ part }) => part === 'shared');
  const groups = ranges ? levelGroups(network, shared) : [];
  if (groups.length === 0 || !ranges) return { network, state };
  const deployed = { ...state };
  const layersOf = (
    own: readonly Group[],
    input: LevelScale,
    isLastFloat: boolean,
  ): { layers: Layer[]; scale: LevelScale } => {
    let scale = input;
    const layers = own.map((group, i): Layer => {
      const floats = isLastFloat && i === own.length - 1;
      const output = floats ? { step: 1, zero: 0 } : scaleOf(ranges, group.name);
      const layer =
        group.placed.layer.type === 'residual'
          ? residual(group, scale, output, floats)
          : convolution(group, scale, output, floats);
      scale = output;
      return layer;
    });
    return { layers, scale };
  };
  const residual = (group: Group, input: LevelScale, output: LevelScale, floats: boolean): Layer => {
    const [body, shortcut] = [group.body, group.shortcut].map((chain) => layersOf(chain, input, false));
    const [a, b] = [body, shortcut].map(({ scale }) => scale.step / output.step);
    const shift = output.zero - a * body.scale.zero - b * shortcut.scale.zero;
    const weights = [a, b, shift].map(Math.fround) as [number, number, number];
    return { type: 'residual', body: body.layers, shortcut: shortcut.layers, levels: { weights, floats } };
  };
  const convolution = (
    { name, placed, norms }: Group,
    input: LevelScale,
    output: LevelScale,
    floats: boolean,
  ): Layer => {
    const { layer } = placed;
    if (layer.type !== 'conv2d' && layer.type !== 'depthwise-conv2d') throw new Error(`${name}: not a convolution`);
    const filters = channelsOf(placed.output);
    const { shape, values } = state[`${name}.kernel`];
    const stepped =
      layer.type === 'depthwise-conv2d' ? exactDepthwiseSteps(values, filters) : exactSteps(values, filters);
    if (!stepped) throw new Error(`${name}.kernel: expected a kernel in whole steps`);
    const sums = stepSums(stepped);
    const scale = new Float32Array(filters);
    const shift = new Float32Array(filters);
    for (let f = 0; f < filters; f++) {
      let factor = stepped.scales[f] * input.step;
      let offset = -factor * input.zero * sums[f] + (state[`${name}.bias`]?.values[f] ?? 0);
      for (const norm of norms) {
        const [gain, bias] = normOf(norm, state, f);
        factor *= gain;
        offset = offset * gain + bias;
      }
      scale[f] = factor / output.step;
      shift[f] = offset / output.step + output.zero;
    }
    deployed[`${name}.kernel`] = { shape, values: Float32Array.from(stepped.steps) };
    deployed[`${name}.scale`] = { shape: [filters], values: scale };
    deployed[`${name}.shift`] = { shape: [filters], values: shift };
    const { kernel, stride, padding } = layer;
    return {
      ...{ type: 'level-conv2d', name: layer.name, filters, kernel },
      ...(stride === undefined ? {} : { stride }),
      ...(padding === undefined ? {} : { padding }),
      ...{ fill: input.zero, depthwise: layer.type === 'depthwise-conv2d', floats },
    };
  };
  const image = scaleOf(ranges, 'image');
  const { layers } = layersOf(groups, image, true);
  const quantise: Layer = { type: 'quantise', scale: Math.fround(1 / image.step), shift: image.zero };
  const rest = network.shared.slice(groups.reduce((sum, { length }) => sum + length, 0));
  return { network: { ...network, shared: [quantise, ...layers, ...rest] }, state: deployed };
}

/** The sum of each filter's steps. */
function stepSums({ steps, scales }: SteppedKernel): Float64Array {
  const sums = new Float64Array(scales.length);
  steps.forEach((step, i) => {
    sums[i % scales.length] += step;
  });
  return sums;
}

/** Gain and bias of a batch normalisation for one channel. */
function normOf({ part, layer }: PlacedLayer, state: NamedArrays, channel: number): [gain: number, bias: number] {
  if (layer.type !== 'batch-norm') throw new Error(`expected a batch normalisation, found ${layer.type}`);
  const get = (parameter: string): number => state[`${part}.${layer.name}.${parameter}`].values[channel];
  const gain = get('gamma') / Math.sqrt(get('variance') + (layer.epsilon ?? BATCH_NORM_EPSILON));
  return [gain, get('beta') - gain * get('mean')];
}
