import type { NamedArray } from '../../base/tensors.js';
import type { Layer } from '../../network/layers.js';
import { channelsOf } from '../../network/shapes.js';
import type { Context, Operator } from './context.js';
import { extended, type GraphLayer, type Place } from './place.js';
import { asSquare, type SquareWindow, windowOf } from './windows.js';

export const conv: Operator = (context, x) => {
  const { observed, node } = context;
  const weight = observed.floats(node.input![1]);
  if (!weight) throw context.refuse('weights that the file stores', 'computed ones');
  const bias = observed.floats(node.input![2]);
  const [filters, perGroup, ...kernel] = weight.shape;
  if (kernel.length !== 2) throw context.refuse('a convolution of images', `one with ${kernel.length} axes`);
  if (x.shape.length === 1) return denseOfPixel(context, x, weight, bias);
  if (!x.channelsFirst) throw context.refuse('an image whose channels come first', 'one whose channels come last');
  const window = windowOf(context, x, kernel);
  const square = asSquare(window);
  const groups = context.whole('group', 1);
  const isDepthwise = groups === channelsOf(x.shape) && filters === groups && perGroup === 1;
  if (square && isDepthwise && groups > 1) {
    const layer = { type: 'depthwise-conv2d', name: '', ...shortened(square) } as const;
    const depthwise = context.layer(layer, { kernel: turned(weight, true) });
    const shift = bias && context.layer({ type: 'shift', name: '' }, { shift: bias });
    return extended(x, context.output, shift ? [depthwise, shift] : [depthwise], { padding: undefined });
  }
  const rest = { name: '', filters, ...(bias ? {} : { bias: false }) };
  const layer: Layer =
    square && groups === 1
      ? { type: 'conv2d', ...rest, ...shortened(square) }
      : { type: 'general-conv2d', ...rest, ...window, groups };
  const convolution = context.layer(layer, { kernel: turned(weight, false), ...(bias ? { bias } : {}) });
  return extended(x, context.output, [convolution], { padding: undefined });
};

/** The window without what is the default. */
const shortened = ({ size, stride, padding }: SquareWindow) => ({
  kernel: size,
  ...(stride === 1 ? {} : { stride }),
  ...(padding === 'valid' ? {} : { padding }),
});

/** A convolution of an image of one pixel, whose features we have: only the tap at the pixel counts. */
function denseOfPixel(context: Context, x: Place, { shape, values }: NamedArray, bias: NamedArray | undefined): Place {
  const [units, channels, height, width] = shape;
  if (context.whole('group', 1) !== 1) throw context.refuse('one group on an image of one pixel', 'several');
  const { padding, dilations } = windowOf(context, x, [height, width]);
  const out = context.observed.dims(context.output).slice(2);
  const [row, column] = [padding[0] / dilations[0], padding[1] / dilations[1]];
  if (out.join() !== '1,1' || !Number.isInteger(row) || !Number.isInteger(column)) {
    throw context.refuse(
      'one pixel that a tap of the kernel is at',
      `pads ${padding.join(', ')}, output ${out.join('x')}`,
    );
  }
  const tap = row * width + column;
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
