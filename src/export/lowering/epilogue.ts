import type { NamedArrays } from '../../base/tensors.js';
import { channelsOf, type PlacedLayer } from '../../network/shapes.js';
import { type Address, byName, inOrder, type KernelCall, type NamedArguments, type Pointer } from '../program.js';
import { type Affine, composed, foldBatchNorm } from './fold.js';

/** The slope of a PReLU below 0, channel by channel, and the name of its constant. */
interface Slope {
  readonly name: string;
  readonly values: Float32Array;
}

/**
 * Batch normalisation, scales, shifts and (P)ReLU right after a convolution or a binary layer: what the epilogue of its sums
 * includes, and how many layers that is (`taken`).
 *
 * @param limits whether the kernel's epilogue has an upper limit, for ReLU6 (`most`), and the layer has a kernel with hard-swish
 */
export function readEpilogue(
  next: readonly PlacedLayer[],
  state: NamedArrays,
  { limits = false } = {},
): { affine?: Affine; slope?: Slope; most?: number; hardSwish?: true; taken: number } {
  let taken = 0;
  let affine: Affine | undefined;
  for (let found = next[0] && affineOf(next[0], state); found; found = next[taken] && affineOf(next[taken], state)) {
    affine = affine ? composed(affine, found) : found;
    taken++;
  }
  const activation = next[taken];
  if (limits && activation?.layer.type === 'hard-swish') return { affine, hardSwish: true, taken: taken + 1 };
  const most = activation?.layer.type === 'relu' ? activation.layer.max : undefined;
  const slope = activation && (most === undefined || limits) ? activationSlope(activation, state) : undefined;
  return { affine, slope, most: slope && most, taken: slope ? taken + 1 : taken };
}

/** The slope of an activation that has no upper limit; undefined for other layers. */
export function slopeOf(placed: PlacedLayer, state: NamedArrays): Slope | undefined {
  return placed.layer.type === 'relu' && placed.layer.max !== undefined ? undefined : activationSlope(placed, state);
}

/** The slope of an activation below 0; undefined for other layers. */
function activationSlope({ part, layer, input }: PlacedLayer, state: NamedArrays): Slope | undefined {
  if (layer.type === 'prelu') {
    const name = `${part}.${layer.name}.slope`;
    return { name, values: state[name].values };
  }
  const channels = channelsOf(input);
  if (layer.type === 'leaky-relu') {
    return { name: `slope${layer.slope}x${channels}`, values: new Float32Array(channels).fill(layer.slope) };
  }
  if (layer.type !== 'relu') return undefined;
  return { name: `zeros${channels}`, values: new Float32Array(channels) };
}

/** Whether a call is a binary convolution that writes y and applies nothing after its affine map. */
export function givesSums(call: KernelCall | undefined, { arena }: Address): boolean {
  if (call?.kernel !== 'binary_conv2d') return false;
  const { y, slope, shortcut } = byName(call);
  return (y as Address).arena === arena && slope === null && shortcut === null;
}

/** The call with other pointers for the arguments of these names. */
export function withArguments(call: KernelCall, changed: Readonly<Record<string, Pointer>>): KernelCall {
  const named = { ...byName(call), ...changed } as NamedArguments<KernelCall['kernel']>;
  return { ...call, args: inOrder(call.kernel, named) };
}

/** A batch normalisation, a scale or a shift as an affine map; undefined for other layers. */
export function affineOf({ part, layer }: PlacedLayer, state: NamedArrays): Affine | undefined {
  if (layer.type !== 'batch-norm' && layer.type !== 'shift' && layer.type !== 'scale') return undefined;
  const get = (parameter: string): Float32Array => state[`${part}.${layer.name}.${parameter}`].values;
  if (layer.type === 'shift') return { shift: get('shift') };
  if (layer.type === 'scale') return { scale: get('scale'), shift: new Float32Array(get('scale').length) };
  return foldBatchNorm(get('gamma'), get('beta'), get('mean'), get('variance'), layer.epsilon);
}
