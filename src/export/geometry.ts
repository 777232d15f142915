import type { Padding, Shape } from '../network/layers.js';
import { windowed } from '../network/shapes.js';

/**
 * A square window that slides over an image, with the header's names (kernels/cpp/include/lcdnn.h) in camel case. Only the
 * padding before the first row and column is needed: the output size says where the last window ends.
 */
export interface Geometry {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** 0 for windows that keep the channels apart, such as pools. */
  readonly filters: number;
  readonly kernel: number;
  readonly stride: number;
  readonly padTop: number;
  readonly padLeft: number;
  readonly outHeight: number;
  readonly outWidth: number;
}

/** A window for kernels that have no filters. */
export type Window = Omit<Geometry, 'filters'>;

interface WindowLayer {
  readonly filters?: number;
  readonly kernel: number;
  readonly stride?: number;
  readonly padding?: Padding;
}

/** The geometry of a layer that turns an image of shape `input` into one of shape `output`. */
export function geometryOf(layer: WindowLayer, input: Shape, output: Shape): Geometry {
  const { filters = 0, kernel, stride = 1, padding = 'valid' } = layer;
  const [height, width, channels] = imageShape(input);
  const [outHeight, outWidth] = imageShape(output);
  const [padTop, padLeft] = [height, width].map((size, axis) => windowed(size, kernel, stride, padding, axis).before);
  return { height, width, channels, filters, kernel, stride, padTop, padLeft, outHeight, outWidth };
}

/** Features count as an image of one pixel. */
export function imageShape(shape: Shape): readonly [height: number, width: number, channels: number] {
  return shape.length === 3 ? shape : [1, 1, shape[0]];
}

/** Visits every output value in the order in which it is stored: its index, its channel, and its pixel's row and column. */
export function eachOutput(
  { outHeight, outWidth }: Pick<Geometry, 'outHeight' | 'outWidth'>,
  channels: number,
  visit: (index: number, channel: number, row: number, column: number) => void,
): void {
  for (let index = 0; index < outHeight * outWidth * channels; index++) {
    const pixel = Math.floor(index / channels);
    visit(index, index % channels, Math.floor(pixel / outWidth), pixel % outWidth);
  }
}

/** Visits every tap of the window at an output: the tap's index in the kernel, and its pixel's index, or -1 in the padding. */
export function eachTap(
  { height, width, kernel, stride, padTop, padLeft }: Window,
  row: number,
  column: number,
  visit: (tap: number, pixel: number) => void,
): void {
  const [top, left] = [row * stride - padTop, column * stride - padLeft];
  for (let tap = 0; tap < kernel * kernel; tap++) {
    const y = top + Math.floor(tap / kernel);
    const x = left + (tap % kernel);
    visit(tap, y >= 0 && y < height && x >= 0 && x < width ? y * width + x : -1);
  }
}
