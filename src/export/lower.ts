import { UserError } from '../base/errors.js';
import { numbered, withExits } from '../base/exits.js';
import type { NamedArrays } from '../base/tensors.js';
import { exactSteps } from '../network/deployed.js';
import { filterScale } from '../network/filter-scale.js';
import {
  type BinaryConv2d,
  type BinaryDense,
  type JointNetwork,
  type Padding,
  type Part,
  type Shape,
  unknownLayer,
} from '../network/layers.js';
import { channelsOf, featuresOf, type PlacedLayer, placeLayers, sharedShapes, windowed } from '../network/shapes.js';
import { uplinkLayers } from '../network/uplink.js';
import { affineOf, givesSums, readEpilogue, slopeOf, withArguments } from './epilogue.js';
import { type Affine, composed } from './fold.js';
import { packSigns } from './pack.js';
import type { ConstantLayout, DeviceProgram, KernelCall, Pointer, Stage } from './program.js';
import { reuseArena } from './reuse-arena.js';

/** What a binary convolution's kernel counts in 16 bits. */
const MAX_WINDOW_BITS = 65_535;

/**
 * Lowers the shared layers and the branch (of every exit) to a device program. Batch normalisation and learned shifts
 * before a binary layer become the scale and shift of its sign; they and (P)ReLU after one become the scale, shift and
 * slope of its sums. Where the image itself is sent to the edge, it stays intact to the end.
 */
export function lowerBranch(
  network: JointNetwork,
  state: NamedArrays,
  sent: 'shared' | 'image' = 'shared',
): DeviceProgram {
  const constants: Record<string, ConstantLayout> = {};
  const calls: KernelCall[] = [];
  let arenaBytes = 0;
  const allocate = (bytes: number): { arena: number } => {
    const arena = arenaBytes;
    arenaBytes += (bytes + 15) & ~15;
    return { arena };
  };
  const floats = (name: string, values: Float32Array): Pointer => {
    constants[name] = { kind: 'f32', values };
    return { constant: name };
  };
  const affinePointers = (name: string, affine: Affine | undefined): [Pointer, Pointer] =>
    affine
      ? [affine.scale ? floats(`${name}.scale`, affine.scale) : null, floats(`${name}.shift`, affine.shift)]
      : [null, null];

  const input = allocate(4 * featuresOf(network.input));
  let x = input;
  /** Batch normalisation and shifts that are read but not yet applied: a binary layer may take them over. */
  let pending: { readonly name: string; readonly affine: Affine } | undefined;

  const place = (shape: Shape): { arena: number } => allocate(4 * featuresOf(shape));
  const applyAffine = (shape: Shape, slope: Pointer, name: string): void => {
    const y = place(shape);
    const [scale, shift] = affinePointers(pending?.name ?? name, pending?.affine);
    const channels = pending?.affine.shift.length ?? channelsOf(shape);
    calls.push({ kernel: 'affine_prelu_f32', args: [x, scale, shift, slope, y, featuresOf(shape), channels] });
    x = y;
    pending = undefined;
  };
  const flush = (shape: Shape): void => {
    if (pending) applyAffine(shape, null, pending.name);
  };
  const atMost = (most: number, shape: Shape): void => {
    const y = place(shape);
    calls.push({ kernel: 'minimum_f32', args: [x, floats(`max${most}`, Float32Array.of(most)), y, featuresOf(shape)] });
    x = y;
  };

  const lowerChain = (layers: readonly PlacedLayer[]): void => {
    for (let at = 0; at < layers.length; at++) at += lowerLayer(layers[at], layers.slice(at + 1));
  };
  /** Appends the calls of a layer; gives how many of the layers after it they took over. */
  const lowerLayer = (placed: PlacedLayer, next: readonly PlacedLayer[]): number => {
    const { part, layer, input: from, output: to, body = [], shortcut = [] } = placed;
    const name = `${part}.${'name' in layer ? layer.name : layer.type}`;
    const get = (parameter: string): Float32Array => state[`${name}.${parameter}`].values;
    let taken = 0;
    switch (layer.type) {
      case 'conv2d': {
        flush(from);
        const y = place(to);
        const w = floats(`${name}.kernel`, get('kernel'));
        const bias = layer.bias === false ? null : floats(`${name}.bias`, get('bias'));
        const { affine, slope, taken: behind } = readEpilogue(next, state);
        const [scale, shift] = affinePointers(name, affine);
        const slopes = slope ? floats(slope.name, slope.values) : null;
        calls.push({ kernel: 'conv2d_f32', args: [x, w, bias, scale, shift, slopes, y, ...window(layer, from, to)] });
        taken = behind;
        x = y;
        break;
      }
      case 'max-pool': {
        flush(from);
        const y = place(to);
        const { size: kernel, stride = kernel, padding } = layer;
        const geometry = withoutFilters(window({ kernel, stride, padding }, from, to));
        calls.push({ kernel: 'max_pool_f32', args: [x, y, ...geometry] });
        x = y;
        break;
      }
      case 'dense': {
        flush(from);
        const y = place(to);
        constants[`${name}.kernel`] = denseKernel(get('kernel'), from[0], layer.units);
        const w = { constant: `${name}.kernel` };
        const bias = floats(`${name}.bias`, get('bias'));
        calls.push({ kernel: 'dense_f32', args: [x, w, bias, y, from[0], layer.units] });
        x = y;
        break;
      }
      case 'binary-conv2d':
      case 'binary-dense': {
        const isConv = layer.type === 'binary-conv2d';
        const row = isConv ? channelsOf(from) : featuresOf(from);
        const rows = featuresOf(from) / row;
        const rowBytes = Math.ceil(row / 8);
        const bits = allocate(rows * rowBytes);
        const [signScale, signShift] = affinePointers(pending?.name ?? name, pending?.affine);
        const channels = pending?.affine.shift.length ?? row;
        calls.push({ kernel: 'sign_pack', args: [x, signScale, signShift, bits, featuresOf(from), channels, row] });
        let k: Pointer = null;
        if (layer.inputScale) {
          k = allocate(4 * (isConv ? to[0] * to[1]! : 1));
          const perFeature = pending && !isConv ? spread(pending.affine, row) : pending?.affine;
          const [scale, shift] = affinePointers(`${name}.input`, perFeature);
          const geometry = isConv ? withoutFilters(window(layer, from, to)) : [1, 1, row, 1, 1, 0, 0, 1, 1];
          calls.push({ kernel: 'input_scale_f32', args: [x, scale, shift, k, ...geometry] });
        }
        pending = undefined;
        const epilogue = readEpilogue(next, state);
        taken = epilogue.taken;
        const alpha = layer.learnedScale ? get('scale') : filterScale(get('kernel'), channelsOf(to));
        const scale = floats(
          `${name}.scale`,
          alpha.map((a, f) => a * (epilogue.affine?.scale?.[f] ?? 1)),
        );
        const shift = epilogue.affine ? floats(`${name}.shift`, epilogue.affine.shift) : null;
        const slope = epilogue.slope ? floats(epilogue.slope.name, epilogue.slope.values) : null;
        constants[`${name}.bits`] = packKernel(layer, get('kernel'), from);
        const y = place(to);
        const pointers = [bits, { constant: `${name}.bits` }, k, scale, shift, slope];
        calls.push(
          isConv
            ? {
                kernel: 'binary_conv2d',
                args: [...pointers, null, y, allocate(scratchBytes(layer, from, to)), ...window(layer, from, to)],
              }
            : { kernel: 'binary_dense', args: [...pointers, y, row, layer.units] },
        );
        x = y;
        break;
      }
      case 'batch-norm':
      case 'shift': {
        const affine = affineOf(placed, state)!;
        if (pending?.affine.shift.length !== affine.shift.length) flush(from);
        pending = { name, affine: pending ? composed(pending.affine, affine) : affine };
        break;
      }
      case 'hard-tanh': {
        // max(x, -1) = -min(-x, 1): the kernels have a minimum.
        const channels = pending?.affine.shift.length ?? channelsOf(to);
        const negation = { scale: new Float32Array(channels).fill(-1), shift: new Float32Array(channels) };
        for (let turn = 0; turn < 2; turn++) {
          pending = {
            name: pending?.name ?? `minus${channels}`,
            affine: pending ? composed(pending.affine, negation) : negation,
          };
          applyAffine(to, null, name);
          atMost(1, to);
        }
        break;
      }
      case 'prelu':
        applyAffine(to, floats(`${name}.slope`, get('slope')), name);
        break;
      case 'relu': {
        const channels = pending?.affine.shift.length ?? channelsOf(to);
        applyAffine(to, floats(`zeros${channels}`, new Float32Array(channels)), name);
        if (layer.max !== undefined) atMost(layer.max, to);
        break;
      }
      case 'depthwise-conv2d': {
        flush(from);
        const y = place(to);
        const w = floats(`${name}.kernel`, get('kernel'));
        calls.push({ kernel: 'depthwise_conv2d_f32', args: [x, w, y, ...withoutFilters(window(layer, from, to))] });
        x = y;
        break;
      }
      case 'average-pool':
      case 'global-average-pool': {
        flush(from);
        const y = place(to);
        const [rows, columns] = layer.type === 'average-pool' ? [layer.size, layer.size] : from;
        const [oh, ow] = layer.type === 'average-pool' ? to : [1, 1];
        calls.push({ kernel: 'average_pool_f32', args: [x, y, from[1]!, channelsOf(from), rows, columns!, oh, ow!] });
        x = y;
        break;
      }
      case 'repeat-channels': {
        flush(from);
        const y = place(to);
        const channels = channelsOf(from);
        calls.push({ kernel: 'repeat_channels_f32', args: [x, y, featuresOf(from) / channels, channels, layer.times] });
        x = y;
        break;
      }
      case 'residual': {
        flush(from);
        const start = x;
        const endOf = (chain: readonly PlacedLayer[]): { arena: number } => {
          x = start;
          lowerChain(chain);
          flush(to);
          return x;
        };
        const a = endOf(body);
        // A binary convolution at the end adds the shortcut itself, and does the activation behind.
        const conv = givesSums(calls.at(-1), a) ? calls.pop()! : undefined;
        const b = endOf(shortcut);
        if (conv) {
          const activation = next[0] && slopeOf(next[0], state);
          const slope = activation ? floats(activation.name, activation.values) : null;
          calls.push(withArguments(conv, { slope, shortcut: b }));
          taken = activation ? 1 : 0;
          x = a;
        } else {
          x = place(to);
          calls.push({ kernel: 'add_f32', args: [a, b, x, featuresOf(to)] });
        }
        break;
      }
      case 'flatten':
        break; // NHWC is the order of features already; a pending scale repeats per channel all the same
      default:
        unknownLayer(layer);
    }
    return taken;
  };

  const placed = placeLayers(network);
  const lowerPart = (part: Part, end: Shape): void => {
    lowerChain(placed.filter((layer) => layer.part === part));
    flush(end);
  };
  const shapes = sharedShapes(network);
  const stages = shapes.map((shape, i): Stage => {
    lowerPart(numbered('shared', i), shape);
    const shared = x;
    lowerPart(numbered('branch', i), [network.classes]);
    const logits = { arena: x.arena, length: network.classes };
    x = shared;
    let given: Shape = shape;
    if (i === shapes.length - 1) {
      if (sent === 'image') [x, given] = [input, network.input];
      else {
        const uplink = uplinkLayers(network);
        lowerChain(uplink);
        given = uplink.at(-1)?.output ?? shape;
      }
    }
    return { calls: calls.splice(0), shared: { ...x, length: featuresOf(given), shape: [...given] }, logits };
  });
  return reuseArena({
    arenaBytes,
    constants,
    input: { arena: input.arena, length: featuresOf(network.input) },
    ...withExits(stages),
  });
}

/** Geometry arguments of a window, in the header's order from `h` on. */
function window(
  {
    filters = 0,
    kernel,
    stride = 1,
    padding = 'valid',
  }: { filters?: number; kernel: number; stride?: number; padding?: Padding },
  from: Shape,
  to: Shape,
): number[] {
  const [padTop, padLeft] = [0, 1].map((axis) => windowed(from[axis]!, kernel, stride, padding).before);
  return [from[0], from[1]!, from[2]!, filters, kernel, stride, padTop, padLeft, to[0], to[1]!];
}

/** Bytes of the scratch of a binary convolution, as the kernels' header has them. */
function scratchBytes({ kernel, stride = 1, name }: BinaryConv2d, from: Shape, to: Shape): number {
  const channels = channelsOf(from);
  const bits = kernel * kernel * channels;
  if (bits > MAX_WINDOW_BITS)
    throw new UserError(
      `layer ${name}: expected a window of at most ${MAX_WINDOW_BITS} bits, found ${kernel} x ${kernel} x ${channels} = ${bits}; give it fewer channels`,
    );
  const rows = (to[0] - 1) * stride + kernel;
  const columns = Math.floor((to[1]! - 1) / 2) * 2 * stride + kernel;
  return Math.ceil(channels / 8) + Math.ceil(channels / 4) * rows * columns;
}

const withoutFilters = (geometry: number[]): number[] => geometry.filter((_, i) => i !== 3);

/** Latent kernel (HWIO or [inputs, units]) as rows of bits, one per filter. */
function packKernel(layer: BinaryConv2d | BinaryDense, latent: Float32Array, from: Shape): ConstantLayout {
  const filters = layer.type === 'binary-conv2d' ? layer.filters : layer.units;
  const channels = channelsOf(from);
  const taps = latent.length / filters / channels;
  // One row of bits per tap of each filter; the taps of a filter follow each other.
  const bytes = packSigns(filters * taps, channels, (row, channel) => {
    const [filter, tap] = [Math.floor(row / taps), row % taps];
    return latent[(tap * channels + channel) * filters + filter];
  });
  if (layer.type === 'binary-dense') return { kind: 'bits', kernel: 'binary_dense', shape: [filters, channels], bytes };
  return { kind: 'bits', kernel: 'binary_conv2d', shape: [filters, taps, channels], bytes };
}

/** Kernel [inputs, units] as rows, one per unit; in steps where it was deployed so (`deployedState`). */
function denseKernel(kernel: Float32Array, inputs: number, units: number): ConstantLayout {
  const stepped = exactSteps(kernel, units);
  if (!stepped) return { kind: 'f32', values: transposed(kernel, inputs, units) };
  return { kind: 'i8', steps: transposed(stepped.steps, inputs, units), scales: stepped.scales };
}

function transposed<Numbers extends Float32Array | Int8Array>(matrix: Numbers, rows: number, columns: number): Numbers {
  return matrix.map((_, i) => matrix[(i % rows) * columns + Math.floor(i / rows)]) as Numbers;
}

/** A scale and shift per channel, repeated for every feature. */
function spread({ scale, shift }: Affine, features: number): Affine {
  const repeat = (values: Float32Array) => Float32Array.from({ length: features }, (_, i) => values[i % values.length]);
  return { scale: scale && repeat(scale), shift: repeat(shift) };
}
