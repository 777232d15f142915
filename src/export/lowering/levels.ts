import type { LevelConv2d, Quantise, Residual } from '../../network/layers.js';
import { channelsOf, featuresOf } from '../../network/shapes.js';
import { geometryOf } from '../geometry.js';
import type { Address } from '../program.js';
import {
  allocate,
  allocateFloats,
  type Builder,
  constant,
  emit,
  floats,
  flush,
  type Lowerer,
  nameOf,
  type Placed,
  parameterOf,
} from './builder.js';

/** Bytes that kernels may read behind the last level of an input. */
const BEHIND = 16;

const allocateLevels = (builder: Builder, count: number): Address => allocate(builder, count + BEHIND);

export const quantise: Lowerer<Quantise> = (builder, placed) => {
  flush(builder, placed.input);
  const { x } = builder;
  const [scale, shift] = (['scale', 'shift'] as const).map((name) =>
    floats(builder, `${nameOf(placed)}.${name}`, Float32Array.of(placed.layer[name])),
  );
  const count = featuresOf(placed.input);
  const y = allocateLevels(builder, count);
  emit(builder, 'quantise', { x, scale, shift, y, count });
  builder.x = y;
};

export const levelConv2d: Lowerer<LevelConv2d> = (builder, placed) => {
  const { layer, input, output } = placed;
  const name = nameOf(placed);
  const channels = channelsOf(input);
  const { kernel, filters, depthwise } = layer;
  const w = constant(builder, `${name}.kernel`, {
    kind: 'weights8',
    kernel: depthwise ? 'depthwise_conv2d_levels' : 'conv2d_levels',
    shape: depthwise ? [kernel, channels] : [kernel, channels, filters],
    bytes: Int8Array.from(parameterOf(builder, placed, 'kernel')),
  });
  const [scale, shift] = ['scale', 'shift'].map((parameter) =>
    floats(builder, `${name}.${parameter}`, parameterOf(builder, placed, parameter)),
  );
  const geometry = geometryOf(layer, input, output);
  if (depthwise) {
    const { x } = builder;
    const y = allocateLevels(builder, featuresOf(output));
    emit(builder, 'depthwise_conv2d_levels', { x, w, scale, shift, y, ...geometry });
    builder.x = y;
    return;
  }
  const { height, width } = padLevels(builder, placed);
  const { x } = builder;
  const y = layer.floats ? allocateFloats(builder, output) : allocateLevels(builder, featuresOf(output));
  emit(builder, 'conv2d_levels', { x, w, scale, shift, y, floats: Number(layer.floats), ...geometry, height, width });
  builder.x = y;
};

/** Surrounds the image with the level `fill` if windows reach beyond it. Returns its new size. */
function padLevels(builder: Builder, { layer, input, output }: Placed<LevelConv2d>): { height: number; width: number } {
  const geometry = geometryOf(layer, input, output);
  const { height, width, channels, padTop, padLeft, kernel, stride } = geometry;
  const padded = (size: number, pad: number, out: number) => Math.max(size + pad, (out - 1) * stride + kernel);
  const outHeight = padded(height, padTop, geometry.outHeight);
  const outWidth = padded(width, padLeft, geometry.outWidth);
  if (outHeight === height && outWidth === width) return { height, width };
  const { x } = builder;
  const y = allocateLevels(builder, outHeight * outWidth * channels);
  emit(builder, 'pad_levels', {
    x,
    y,
    fill: layer.fill,
    height,
    width,
    channels,
    padTop,
    padLeft,
    outHeight,
    outWidth,
  });
  builder.x = y;
  return { height: outHeight, width: outWidth };
}

/** The sum of two chains that give levels. */
export function addLevels(
  builder: Builder,
  { layer, output }: Placed<Residual>,
  { weights, floats: isFloat }: NonNullable<Residual['levels']>,
  a: Address,
  b: Address,
): void {
  const first = layer.body.find((inner) => inner.type === 'level-conv2d');
  const name = `sum-${first?.name ?? ''}`;
  const count = featuresOf(output);
  const y = isFloat ? allocateFloats(builder, output) : allocateLevels(builder, count);
  const stored = floats(builder, name, Float32Array.from(weights));
  emit(builder, 'add_levels', { a, b, weights: stored, y, floats: Number(isFloat), count });
  builder.x = y;
}
