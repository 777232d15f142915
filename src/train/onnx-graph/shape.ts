import type { Sides } from '../../network/layers.js';
import { featuresOf } from '../../network/shapes.js';
import type { Operator } from './context.js';
import { extended } from './place.js';

/** Operators that do nothing to a trained network. */
export const nothing: Operator = (context, x) => extended(x, context.output, []);

/** Between rows, columns, channels and channels, rows, columns. */
export const transpose: Operator = (context, x) => {
  const rank = context.observed.dims(context.node.input![0]).length;
  const perm = context.wholes('perm') ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
  const isOnePixel = featuresOf(x.shape) === x.shape.at(-1);
  const [toLast, toFirst] = ['0,2,3,1', '0,3,1,2'].map((order) => order === perm.join());
  if (perm.every((from, to) => from === to)) return extended(x, context.output, []);
  if (rank === 4 && toLast && (x.channelsFirst || isOnePixel)) {
    return extended(x, context.output, [], { channelsFirst: false });
  }
  if (rank === 4 && toFirst && (!x.channelsFirst || isOnePixel)) {
    return extended(x, context.output, [], { channelsFirst: true });
  }
  throw context.refuse('a move of the channels to the other end', `perm ${perm.join(', ')}`);
};

/** `Flatten`, `Reshape`, `Squeeze` and `Unsqueeze`: an image to features, or no change besides axes of size 1. */
export const reshape: Operator = (context, x) => {
  const { observed, node, output } = context;
  const [from, to] = [observed.dims(node.input![0]), observed.dims(output)];
  if (from.join() === to.join()) return extended(x, output, []);
  const wide = to.filter((size) => size !== 1);
  if (to[0] !== 1 || wide.length > 1) {
    throw context.refuse(
      'an image that becomes features',
      `shape [${from.join(', ')}] that becomes [${to.join(', ')}]`,
    );
  }
  // Features may have axes of size 1 behind them (NCHW) or before them (NHWC).
  const channelsFirst = to.length !== 4 || (wide.length === 0 ? x.channelsFirst : to[1] !== 1);
  if (x.shape.length === 1) return extended(x, output, [], { channelsFirst });
  const [height, width] = x.shape;
  return extended(x, output, [context.layer({ type: 'flatten' })], {
    channelsFirst,
    flattened: x.channelsFirst && height * width > 1 ? x.shape : undefined,
  });
};

/** Zeros around an image wait for the layer that reads them. */
export const pad: Operator = (context, x) => {
  const { observed, node, output } = context;
  const pads = context.wholes('pads') ?? observed.integers(node.input![1]);
  const mode = context.text('mode') ?? 'constant';
  const value = observed.floats(node.input![2])?.values[0] ?? context.float('value', 0);
  const rank = observed.dims(node.input![0]).length;
  const axes = node.input![3] ? observed.integers(node.input![3]) : Array.from({ length: rank }, (_, axis) => axis);
  if (!pads || !axes || mode !== 'constant' || value !== 0) {
    throw context.refuse('padding with zeros by fixed numbers', mode === 'constant' ? `padding with ${value}` : mode);
  }
  const around = Array<number>(2 * rank).fill(0);
  for (const [i, axis] of axes.entries()) {
    const at = (axis + rank) % rank;
    around[at] = pads[i];
    around[at + rank] = pads[i + axes.length];
  }
  if (around.every((pixels) => pixels === 0)) return extended(x, output, []);
  const [row, column] = x.channelsFirst ? [2, 3] : [1, 2];
  const [top, left, bottom, right] = x.padding ?? [0, 0, 0, 0];
  const padding: Sides = [
    around[row] + top,
    around[column] + left,
    around[row + rank] + bottom,
    around[column + rank] + right,
  ];
  const elsewhere = around.filter((_, axis) => axis % rank !== row && axis % rank !== column);
  if (rank !== 4 || x.shape.length !== 3 || elsewhere.some((pixels) => pixels !== 0)) {
    throw context.refuse('padding of rows and columns', `pads ${around.join(', ')}`);
  }
  return extended(x, output, [], { padding });
};
