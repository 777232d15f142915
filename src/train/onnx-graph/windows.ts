import type { Padding, Sides } from '../../network/layers.js';
import type { Context } from './context.js';
import type { Place } from './place.js';

/** A window that slides over an image: sizes of rows and columns. */
export interface SlidingWindow {
  readonly kernel: Pair;
  readonly strides: Pair;
  readonly dilations: Pair;
  readonly padding: Sides;
}

type Pair = readonly [rows: number, columns: number];

/**
 * The window of a convolution or pool: its own padding and that of a `Pad` before it. Rounding up the output's size
 * ("ceil mode") becomes padding at the end.
 */
export function windowOf(context: Context, x: Place, kernel: readonly number[]): SlidingWindow {
  const { observed, output } = context;
  if (kernel.length !== 2) throw context.refuse('images with two axes', `a kernel with ${kernel.length}`);
  const strides = context.wholes('strides') ?? [1, 1];
  const dilations = context.wholes('dilations') ?? [1, 1];
  // The input that the node reads: padded already, if a `Pad` is before it.
  const input = observed.dims(context.node.input![0]).slice(2);
  const reached = observed
    .dims(output)
    .slice(2)
    .map((out, axis) => (out - 1) * strides[axis] + (kernel[axis] - 1) * dilations[axis] + 1);
  const own = ownPadding(context, input, reached);
  const [top, left, bottom, right] = x.padding ?? [0, 0, 0, 0];
  const needed = reached.map((end, axis) => Math.max(own[axis + 2], end - input[axis] - own[axis]));
  const padding: Sides = [own[0] + top, own[1] + left, needed[0] + bottom, needed[1] + right];
  if (padding.some((side) => side < 0)) throw context.refuse('padding that adds pixels', `pads ${padding.join(', ')}`);
  return { kernel: pair(kernel), strides: pair(strides), dilations: pair(dilations), padding };
}

/** A square window with one stride and without gaps. */
export interface SquareWindow {
  readonly size: number;
  readonly stride: number;
  readonly padding: Padding;
}

/** The same window in the short form that square ones have; undefined for others. */
export function asSquare({ kernel, strides, dilations, padding }: SlidingWindow): SquareWindow | undefined {
  const isSquare =
    kernel[0] === kernel[1] && strides[0] === strides[1] && dilations.every((dilation) => dilation === 1);
  return isSquare ? { size: kernel[0], stride: strides[0], padding: compact(padding) } : undefined;
}

/** The window of a pool, which must be square. */
export function squareWindowOf(context: Context, x: Place, kernel: readonly number[]): SquareWindow {
  const window = windowOf(context, x, kernel);
  const { strides, dilations } = window;
  const square = asSquare(window);
  if (square) return square;
  if (kernel[0] !== kernel[1]) throw context.refuse('a square kernel', kernel.join('x'));
  if (strides[0] !== strides[1]) throw context.refuse('one stride for rows and columns', strides.join(', '));
  throw context.refuse('a dilation of 1', dilations.join(', '));
}

const pair = ([rows, columns]: readonly number[]): Pair => [rows, columns];

/** The node's own padding. @param reached pixels from the start of the first window to the end of the last */
function ownPadding(context: Context, input: readonly number[], reached: readonly number[]): readonly number[] {
  const auto = context.text('auto_pad') ?? 'NOTSET';
  if (auto === 'NOTSET') return context.wholes('pads') ?? [0, 0, 0, 0];
  if (auto === 'VALID') return [0, 0, 0, 0];
  const missing = input.map((length, axis) => Math.max(0, reached[axis] - length));
  const lower = missing.map((pixels) => (auto === 'SAME_LOWER' ? Math.ceil(pixels / 2) : Math.floor(pixels / 2)));
  return [...lower, ...missing.map((pixels, axis) => pixels - lower[axis])];
}

/** The shortest form of a padding. */
function compact(sides: Sides): Padding {
  if (sides.every((side) => side === 0)) return 'valid';
  return sides.every((side) => side === sides[0]) ? sides[0] : sides;
}
