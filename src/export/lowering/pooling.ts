import type { AveragePool, GlobalAveragePool, MaxPool, RepeatChannels, Shape } from '../../network/layers.js';
import { channelsOf, featuresOf, insideFactors } from '../../network/shapes.js';
import { geometryOf, imageShape } from '../geometry.js';
import { allocateFloats, type Builder, emit, floats, flush, type Lowerer } from './builder.js';

export const maxPool: Lowerer<MaxPool> = (builder, { layer, input, output }) => {
  flush(builder, input);
  const { x } = builder;
  const y = allocateFloats(builder, output);
  const { size: kernel, stride = kernel, padding } = layer;
  emit(builder, 'max_pool_f32', { x, y, ...geometryOf({ kernel, stride, padding }, input, output) });
  builder.x = y;
};

/** Windows that overlap or are padded are a depthwise convolution with equal weights. */
export const averagePool: Lowerer<AveragePool> = (builder, { layer, input, output }) => {
  const { size: kernel, stride = kernel, padding = 'valid', countsPadding } = layer;
  if (stride === kernel && padding === 'valid') {
    adjacentMeans(builder, input, output, [kernel, kernel]);
    return;
  }
  flush(builder, input);
  const { x } = builder;
  const y = allocateFloats(builder, output);
  const channels = channelsOf(input);
  const w = floats(builder, `box${kernel}x${channels}`, new Float32Array(kernel ** 2 * channels).fill(1 / kernel ** 2));
  emit(builder, 'depthwise_conv2d_f32', {
    x,
    w,
    scale: null,
    shift: null,
    slope: null,
    most: null,
    y,
    ...geometryOf({ kernel, stride, padding }, input, output),
  });
  builder.x = y;
  if (countsPadding || padding === 'valid') return;
  const factors = insideFactors(input, output, kernel, stride, padding);
  const scale = Float32Array.from({ length: featuresOf(output) }, (_, i) => factors[Math.floor(i / channels)]);
  const name = `inside${kernel}-${stride}-${padding}-${output.join('-')}`;
  builder.pending = { name, affine: { scale, shift: new Float32Array(scale.length) } };
  flush(builder, output);
};

export const globalAveragePool: Lowerer<GlobalAveragePool> = (builder, { input, output }) => {
  const [height, width] = imageShape(input);
  adjacentMeans(builder, input, output, [height, width]);
};

/** Means of windows side by side. */
function adjacentMeans(
  builder: Builder,
  input: Shape,
  output: Shape,
  [rows, columns]: readonly [number, number],
): void {
  flush(builder, input);
  const { x } = builder;
  const y = allocateFloats(builder, output);
  const [, width, channels] = imageShape(input);
  const [outHeight, outWidth] = imageShape(output);
  emit(builder, 'average_pool_f32', { x, y, width, channels, rows, columns, outHeight, outWidth });
  builder.x = y;
}

export const repeatChannels: Lowerer<RepeatChannels> = (builder, { layer, input, output }) => {
  flush(builder, input);
  const { x } = builder;
  const y = allocateFloats(builder, output);
  const channels = channelsOf(input);
  const pixels = featuresOf(input) / channels;
  emit(builder, 'repeat_channels_f32', { x, y, pixels, channels, times: layer.times });
  builder.x = y;
};
