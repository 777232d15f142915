import type { NamedArrays } from '../../base/tensors.js';
import type { Layer, Shape } from '../../network/layers.js';
import { channelsOf, featuresOf, type PlacedLayer } from '../../network/shapes.js';
import {
  type Address,
  type ConstantLayout,
  inOrder,
  type KernelCall,
  type KernelName,
  type NamedArguments,
  type Pointer,
} from '../program.js';
import type { Affine } from './fold.js';

/** A device program while it grows: layer after layer reads `x`, appends calls, and sets `x` to its own output. */
export interface Builder {
  readonly state: NamedArrays;
  readonly constants: Record<string, ConstantLayout>;
  readonly calls: KernelCall[];
  arenaBytes: number;
  x: Address;
  /** Batch normalisation and shifts that no call has applied yet: a binary layer may take them over. */
  pending?: { readonly name: string; readonly affine: Affine };
}

/** A layer of one type, with its shapes. */
export type Placed<Type extends Layer> = Omit<PlacedLayer, 'layer'> & { readonly layer: Type };

/** Appends the calls of one layer. Returns how many of the layers after it these calls include; undefined for none. */
export type Lowerer<Type extends Layer> = (
  builder: Builder,
  placed: Placed<Type>,
  next: readonly PlacedLayer[],
) => number | undefined;

/** The name of a layer within its network: the prefix of its parameters and constants. */
export function nameOf({ part, layer }: PlacedLayer): string {
  return `${part}.${'name' in layer ? layer.name : layer.type}`;
}

/** A trained parameter of a layer. */
export function parameterOf({ state }: Builder, placed: PlacedLayer, parameter: string): Float32Array {
  return state[`${nameOf(placed)}.${parameter}`].values;
}

export function emit<Kernel extends KernelName>(
  { calls }: Builder,
  kernel: Kernel,
  named: NamedArguments<Kernel>,
): void {
  calls.push({ kernel, args: inOrder<Kernel, number | Pointer>(kernel, named) });
}

/** A new buffer in the arena. */
export function allocate(builder: Builder, bytes: number): Address {
  const arena = builder.arenaBytes;
  builder.arenaBytes += (bytes + 15) & ~15;
  return { arena };
}

/** A new buffer for float values of a shape. */
export const allocateFloats = (builder: Builder, shape: Shape): Address => allocate(builder, 4 * featuresOf(shape));

export function constant({ constants }: Builder, name: string, layout: ConstantLayout): Pointer {
  constants[name] = layout;
  return { constant: name };
}

export const floats = (builder: Builder, name: string, values: Float32Array): Pointer =>
  constant(builder, name, { kind: 'f32', values });

/** An affine map as the constants `NAME.scale` and `NAME.shift`. */
export function affineConstants(
  builder: Builder,
  name: string,
  affine: Affine | undefined,
): { readonly scale: Pointer; readonly shift: Pointer } {
  if (!affine) return { scale: null, shift: null };
  const scale = affine.scale ? floats(builder, `${name}.scale`, affine.scale) : null;
  return { scale, shift: floats(builder, `${name}.shift`, affine.shift) };
}

/** Applies what is pending, if anything is. */
export function flush(builder: Builder, shape: Shape): void {
  if (builder.pending) applyAffine(builder, shape, null, builder.pending.name);
}

/** Applies what is pending, and a PReLU unless `slope` is null. */
export function applyAffine(builder: Builder, shape: Shape, slope: Pointer, name: string): void {
  const { x, pending } = builder;
  const y = allocateFloats(builder, shape);
  const affine = affineConstants(builder, pending?.name ?? name, pending?.affine);
  const channels = pending?.affine.shift.length ?? channelsOf(shape);
  emit(builder, 'affine_prelu_f32', { x, ...affine, slope, y, count: featuresOf(shape), channels });
  builder.x = y;
  builder.pending = undefined;
}

/** An upper limit as a constant. */
export const limitConstant = (builder: Builder, limit: number): Pointer =>
  floats(builder, `max${limit}`, Float32Array.of(limit));

/** Replaces values above `limit` with `limit`. */
export function limitTo(builder: Builder, limit: number, shape: Shape): void {
  const { x } = builder;
  const y = allocateFloats(builder, shape);
  const most = limitConstant(builder, limit);
  emit(builder, 'minimum_f32', { x, most, y, count: featuresOf(shape) });
  builder.x = y;
}
