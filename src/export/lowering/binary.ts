import { UserError } from '../../base/errors.js';
import { filterScales } from '../../network/filter-scale.js';
import type { BinaryConv2d, BinaryDense } from '../../network/layers.js';
import { channelsOf, featuresOf, type PlacedLayer } from '../../network/shapes.js';
import { type Geometry, geometryOf } from '../geometry.js';
import type { Address, ConstantLayout, Pointer } from '../program.js';
import {
  affineConstants,
  allocate,
  allocateFloats,
  type Builder,
  constant,
  emit,
  floats,
  type Lowerer,
  nameOf,
  type Placed,
  parameterOf,
} from './builder.js';
import { readEpilogue } from './epilogue.js';
import type { Affine } from './fold.js';
import { packSigns } from './pack-signs.js';

/** The kernel of a binary convolution counts in 16 bits. */
const MAX_WINDOW_BITS = 65_535;

type Binary = Placed<BinaryConv2d | BinaryDense>;

/** The pending affine map goes into the signs; what follows the sums goes into the epilogue. */
export const binaryConv2d: Lowerer<BinaryConv2d> = (builder, placed, next) => {
  const { layer, input, output } = placed;
  const geometry = geometryOf(layer, input, output);
  const x = packInput(builder, placed, channelsOf(input));
  const k = inputScale(builder, placed, geometry, builder.pending?.affine);
  builder.pending = undefined;
  const { w, epilogue, taken } = weights(builder, placed, next);
  const y = allocateFloats(builder, output);
  const scratch = allocate(builder, scratchBytes(layer.name, geometry));
  emit(builder, 'binary_conv2d', { x, w, k, ...epilogue, shortcut: null, y, scratch, ...geometry });
  builder.x = y;
  return taken;
};

/** As a binary convolution, over one row of bits. */
export const binaryDense: Lowerer<BinaryDense> = (builder, placed, next) => {
  const { layer, output } = placed;
  const inputs = featuresOf(placed.input);
  const x = packInput(builder, placed, inputs);
  // The mean of |input| over all features: a window of one pixel with that many channels.
  const pixel = geometryOf({ kernel: 1 }, [1, 1, inputs], [1, 1, 1]);
  const affine = builder.pending && repeated(builder.pending.affine, inputs);
  const k = inputScale(builder, placed, pixel, affine);
  builder.pending = undefined;
  const { w, epilogue, taken } = weights(builder, placed, next);
  const y = allocateFloats(builder, output);
  emit(builder, 'binary_dense', { x, w, k, ...epilogue, y, inputs, units: layer.units });
  builder.x = y;
  return taken;
};

/** The signs of x as bits, in rows of `row` values. */
function packInput(builder: Builder, placed: Binary, row: number): Address {
  const { x, pending } = builder;
  const count = featuresOf(placed.input);
  const bits = allocate(builder, (count / row) * Math.ceil(row / 8));
  const affine = affineConstants(builder, pending?.name ?? nameOf(placed), pending?.affine);
  const channels = pending?.affine.shift.length ?? row;
  emit(builder, 'sign_pack', { x, ...affine, bits, count, channels, row });
  return bits;
}

/** K of Eq. 4, for layers that multiply by it. */
function inputScale(builder: Builder, placed: Binary, window: Geometry, affine: Affine | undefined): Pointer {
  if (!placed.layer.inputScale) return null;
  const { x } = builder;
  const k = allocate(builder, 4 * window.outHeight * window.outWidth);
  const scaleAndShift = affineConstants(builder, `${nameOf(placed)}.input`, affine);
  emit(builder, 'input_scale_f32', { x, ...scaleAndShift, k, ...window });
  return k;
}

/** Packed weights, and the epilogue with α and the layers that it includes. */
function weights(builder: Builder, placed: Binary, next: readonly PlacedLayer[]) {
  const { layer, input, output } = placed;
  const name = nameOf(placed);
  const { affine, slope, taken } = readEpilogue(next, builder.state);
  const latent = parameterOf(builder, placed, 'kernel');
  const alpha = layer.learnedScale ? parameterOf(builder, placed, 'scale') : filterScales(latent, channelsOf(output));
  const scales = alpha.map((a, filter) => a * (affine?.scale?.[filter] ?? 1));
  const epilogue = {
    scale: floats(builder, `${name}.scale`, scales),
    shift: affine ? floats(builder, `${name}.shift`, affine.shift) : null,
    slope: slope ? floats(builder, slope.name, slope.values) : null,
  };
  const w = constant(builder, `${name}.bits`, packKernel(layer, latent, channelsOf(input)));
  return { w, epilogue, taken };
}

/** Latent kernel (HWIO or [inputs, units]) as rows of bits: a row per tap of each filter, the taps of a filter together. */
function packKernel(layer: BinaryConv2d | BinaryDense, latent: Float32Array, channels: number): ConstantLayout {
  const filters = layer.type === 'binary-conv2d' ? layer.filters : layer.units;
  const taps = latent.length / filters / channels;
  const bytes = packSigns(filters * taps, channels, (row, channel) => {
    const [filter, tap] = [Math.floor(row / taps), row % taps];
    return latent[(tap * channels + channel) * filters + filter];
  });
  if (layer.type === 'binary-dense') return { kind: 'bits', kernel: 'binary_dense', shape: [filters, channels], bytes };
  return { kind: 'bits', kernel: 'binary_conv2d', shape: [filters, taps, channels], bytes };
}

/** Size of the scratch buffer, as the kernels' header defines it. */
function scratchBytes(name: string, { channels, kernel, stride, outHeight, outWidth }: Geometry): number {
  const bits = kernel * kernel * channels;
  if (bits > MAX_WINDOW_BITS)
    throw new UserError(
      `layer ${name}: expected a window of at most ${MAX_WINDOW_BITS} bits, found ${kernel} x ${kernel} x ${channels} = ${bits}; give it fewer channels`,
    );
  const rows = (outHeight - 1) * stride + kernel;
  const columns = Math.floor((outWidth - 1) / 2) * 2 * stride + kernel;
  return Math.ceil(channels / 8) + Math.ceil(channels / 4) * rows * columns;
}

/** A scale and shift per channel, repeated for every feature. */
function repeated({ scale, shift }: Affine, features: number): Affine {
  const repeat = (values: Float32Array) => Float32Array.from({ length: features }, (_, i) => values[i % values.length]);
  return { scale: scale && repeat(scale), shift: repeat(shift) };
}
