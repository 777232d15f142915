import type { NamedArray } from '../../base/tensors.js';
import { channelsOf } from '../../network/shapes.js';
import type { Context, Operator } from './context.js';
import { extended, type GraphLayer, type Place } from './place.js';
import { windowOf } from './windows.js';

export const conv: Operator = (context, x) => {
  const { observed, node } = context;
  const weight = observed.floats(node.input![1]);
  if (!weight) throw context.refuse('weights that the file stores', 'computed ones');
  const bias = observed.floats(node.input![2]);
  const [filters, perGroup, ...kernel] = weight.shape;
  if (kernel.length !== 2) throw context.refuse('a convolution of images', `one with ${kernel.length} axes`);
  if (x.shape.length === 1) return denseOfPixel(context, x, weight, bias);
  if (!x.channelsFirst) throw context.refuse('an image whose channels come first', 'one whose channels come last');
  const { size, stride, padding } = windowOf(context, x, kernel);
  const group = context.whole('group', 1);
  const channels = channelsOf(x.shape);
  const window = { kernel: size, ...(stride === 1 ? {} : { stride }), ...(padding === 'valid' ? {} : { padding }) };
  if (group === 1) {
    const layer = context.layer(
      { type: 'conv2d', name: '', filters, ...window, ...(bias ? {} : { bias: false }) },
      { kernel: turned(weight, false), ...(bias ? { bias } : {}) },
    );
    return extended(x, context.output, [layer], { padding: undefined });
  }
  if (group !== channels || filters !== channels || perGroup !== 1) {
    throw context.refuse(
      'one group, or as many groups and filters as channels (depthwise)',
      `${group} groups and ${filters} filters for ${channels} channels`,
    );
  }
  const depthwise = context.layer({ type: 'depthwise-conv2d', name: '', ...window }, { kernel: turned(weight, true) });
  const shift = bias && context.layer({ type: 'shift', name: '' }, { shift: bias });
  return extended(x, context.output, shift ? [depthwise, shift] : [depthwise], { padding: undefined });
};

/** A convolution of an image of one pixel, whose features we have: only the tap at the pixel counts. */
function denseOfPixel(context: Context, x: Place, { shape, values }: NamedArray, bias: NamedArray | undefined): Place {
  const [units, channels, height, width] = shape;
  if (context.whole('group', 1) !== 1) throw context.refuse('one group on an image of one pixel', 'several');
  const [top = 0, left = 0] = context.wholes('pads') ?? [];
  if (context.text('auto_pad')?.startsWith('SAME') && height * width > 1) {
    throw context.refuse('a 1x1 kernel on an image of one pixel', `${height}x${width}`);
  }
  const tap = top * width + left;
  const kernel = Float32Array.from({ length: channels * units }, (_, i) => {
    const [channel, unit] = [Math.floor(i / units), i % units];
    return values[(unit * channels + channel) * height * width + tap];
  });
  return extended(x, context.output, [denseLayer(context, { shape: [channels, units], values: kernel }, bias)]);
}

/** A dense layer of a kernel [inputs, units]. */
export function denseLayer(context: Context, kernel: NamedArray, bias: NamedArray | undefined): GraphLayer {
  const units = kernel.shape[1];
  const filled = bias ?? { shape: [units], values: new Float32Array(units) };
  const whole = filled.values.length === 1 ? new Float32Array(units).fill(filled.values[0]) : filled.values;
  return context.layer({ type: 'dense', name: '', units }, { kernel, bias: { shape: [units], values: whole } });
}

/** Kernel [filters, channels, height, width] as [height, width, channels, filters]; depthwise [.., filters, 1]. */
function turned({ shape: [filters, channels, height, width], values }: NamedArray, depthwise: boolean): NamedArray {
  const taps = height * width;
  const result = values.map((_, i) => {
    const [filter, rest] = [i % filters, Math.floor(i / filters)];
    return values[(filter * channels + (rest % channels)) * taps + Math.floor(rest / channels)];
  });
  return { shape: [height, width, ...(depthwise ? [filters, channels] : [channels, filters])], values: result };
}
