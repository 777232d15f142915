import type { AveragePool, GlobalAveragePool, MaxPool, RepeatChannels } from '../../network/layers.js';
import { channelsOf, featuresOf } from '../../network/shapes.js';
import { geometryOf, imageShape } from '../geometry.js';
import { allocateFloats, emit, flush, type Lowerer } from './builder.js';

export const maxPool: Lowerer<MaxPool> = (builder, { layer, input, output }) => {
  flush(builder, input);
  const { x } = builder;
  const y = allocateFloats(builder, output);
  const { size: kernel, stride = kernel, padding } = layer;
  emit(builder, 'max_pool_f32', { x, y, ...geometryOf({ kernel, stride, padding }, input, output) });
  builder.x = y;
};

/** A global pool is one window of the image's size. */
export const averagePool: Lowerer<AveragePool | GlobalAveragePool> = (builder, { layer, input, output }) => {
  flush(builder, input);
  const { x } = builder;
  const y = allocateFloats(builder, output);
  const [height, width, channels] = imageShape(input);
  const [rows, columns] = layer.type === 'average-pool' ? [layer.size, layer.size] : [height, width];
  const [outHeight, outWidth] = imageShape(output);
  emit(builder, 'average_pool_f32', { x, y, width, channels, rows, columns, outHeight, outWidth });
  builder.x = y;
};

export const repeatChannels: Lowerer<RepeatChannels> = (builder, { layer, input, output }) => {
  flush(builder, input);
  const { x } = builder;
  const y = allocateFloats(builder, output);
  const channels = channelsOf(input);
  const pixels = featuresOf(input) / channels;
  emit(builder, 'repeat_channels_f32', { x, y, pixels, channels, times: layer.times });
  builder.x = y;
};
