import { eachOutput, eachTap, type Geometry, type Window } from './geometry.js';
import type { KernelName } from './program.js';

type Floats = Float32Array;
type Bits = Uint8Array;
type Optional = Float32Array | null;

/** A scale and a shift per channel; null counts as 1 and 0. */
interface Affine {
  readonly scale: Optional;
  readonly shift: Optional;
}

/** What follows the sums of a layer: the affine map, then a PReLU unless `slope` is null. */
interface Epilogue extends Affine {
  readonly slope: Optional;
}

/** Float convolutions end in an upper limit, unless it is null. */
interface LimitedEpilogue extends Epilogue {
  readonly most: Optional;
}

interface BinaryLayer extends Epilogue {
  readonly x: Bits;
  readonly w: Bits;
  readonly k: Optional;
  readonly y: Floats;
}

/** Levels from 0 to 127. */
type Levels = Uint8Array;

/** A convolution of levels. Weights are in their download order. */
interface LevelLayer {
  readonly x: Levels;
  readonly w: Int8Array;
  readonly scale: Floats;
  readonly shift: Floats;
}

const f32 = Math.fround;

/** Bit `i` of a packed row, as +1 or -1. */
const signAt = (bits: Bits, byte: number, i: number): number =>
  ((bits[byte + (i >> 3)] >> (i & 7)) & 1) === 1 ? 1 : -1;

/** u * scale + shift for a channel, each step rounded to single precision. */
export function affine(u: number, { scale, shift }: Affine, channel: number): number {
  const scaled = scale ? f32(u * scale[channel]) : u;
  return shift ? f32(scaled + shift[channel]) : scaled;
}

/** u if u >= 0, else u * slope. */
function prelu(u: number, { slope }: Epilogue, channel: number): number {
  return slope && !(u >= 0) ? f32(u * slope[channel]) : u;
}

/** min(prelu(u * scale + shift), most). */
function finished(u: number, epilogue: LimitedEpilogue, channel: number): number {
  const y = prelu(affine(u, epilogue, channel), epilogue, channel);
  return epilogue.most && !(y < epilogue.most[0]) ? epilogue.most[0] : y;
}

/** u * (min(max(u + 3, 0), 6) / 6). */
function hardSwish(u: number): number {
  const gate = Math.min(6, Math.max(0, f32(u + 3)));
  return f32(u * f32(gate * f32(1 / 6)));
}

/** The nearest level from 0 to 127, ties to even. */
function level(value: number): number {
  const clamped = Math.min(127, Math.max(0, value));
  const below = Math.floor(clamped);
  const rest = clamped - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}

/**
 * Every kernel of kernels/cpp/include/lcdnn.h in plain TypeScript, with the header's arguments by name; pointers are typed
 * arrays that begin at the address, binary weights are in their download order. These are the slow truth: float sums are
 * computed in double precision and rounded once, bits are read one by one.
 */
export const referenceKernels = {
  conv2d_f32(args: { x: Floats; w: Floats; bias: Optional; y: Floats } & LimitedEpilogue & Geometry): void {
    const { x, w, bias, y, channels, filters } = args;
    eachOutput(args, filters, (index, filter, row, column) => {
      let sum = bias?.[filter] ?? 0;
      eachTap(args, row, column, (tap, pixel) => {
        if (pixel < 0) return;
        for (let c = 0; c < channels; c++) sum += x[pixel * channels + c] * w[(tap * channels + c) * filters + filter];
      });
      y[index] = finished(f32(sum), args, filter);
    });
  },

  depthwise_conv2d_f32(args: { x: Floats; w: Floats; y: Floats } & LimitedEpilogue & Window): void {
    const { x, w, y, channels } = args;
    eachOutput(args, channels, (index, channel, row, column) => {
      let sum = 0;
      eachTap(args, row, column, (tap, pixel) => {
        if (pixel >= 0) sum += x[pixel * channels + channel] * w[tap * channels + channel];
      });
      y[index] = finished(f32(sum), args, channel);
    });
  },

  conv2d_hard_swish_f32(args: { x: Floats; w: Floats; bias: Optional; y: Floats } & Affine & Geometry): void {
    const { y, outHeight, outWidth, filters } = args;
    referenceKernels.conv2d_f32({ ...args, slope: null, most: null });
    referenceKernels.hard_swish_f32({ x: y, y, count: outHeight * outWidth * filters });
  },

  depthwise_conv2d_hard_swish_f32(args: { x: Floats; w: Floats; y: Floats } & Affine & Window): void {
    const { y, outHeight, outWidth, channels } = args;
    referenceKernels.depthwise_conv2d_f32({ ...args, slope: null, most: null });
    referenceKernels.hard_swish_f32({ x: y, y, count: outHeight * outWidth * channels });
  },

  max_pool_f32(args: { x: Floats; y: Floats } & Window): void {
    const { x, y, channels } = args;
    eachOutput(args, channels, (index, channel, row, column) => {
      let most = Number.NEGATIVE_INFINITY;
      eachTap(args, row, column, (_, pixel) => {
        if (pixel >= 0 && x[pixel * channels + channel] > most) most = x[pixel * channels + channel];
      });
      y[index] = most;
    });
  },

  average_pool_f32(
    args: { x: Floats; y: Floats; rows: number; columns: number } & Pick<
      Window,
      'width' | 'channels' | 'outHeight' | 'outWidth'
    >,
  ): void {
    const { x, y, width, channels, rows, columns } = args;
    eachOutput(args, channels, (index, channel, outRow, outColumn) => {
      let sum = 0;
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
          sum += x[((outRow * rows + row) * width + outColumn * columns + column) * channels + channel];
        }
      }
      y[index] = f32(sum) * f32(1 / (rows * columns));
    });
  },

  repeat_channels_f32(args: { x: Floats; y: Floats; pixels: number; channels: number; times: number }): void {
    const { x, y, pixels, channels, times } = args;
    for (let i = 0; i < pixels * times * channels; i++) {
      y[i] = x[Math.floor(i / (times * channels)) * channels + (i % channels)];
    }
  },

  add_f32({ a, b, y, count }: { a: Floats; b: Floats; y: Floats; count: number }): void {
    for (let i = 0; i < count; i++) y[i] = a[i] + b[i];
  },

  minimum_f32({ x, most, y, count }: { x: Floats; most: Floats; y: Floats; count: number }): void {
    for (let i = 0; i < count; i++) y[i] = x[i] < most[0] ? x[i] : most[0];
  },

  hard_swish_f32({ x, y, count }: { x: Floats; y: Floats; count: number }): void {
    for (let i = 0; i < count; i++) y[i] = hardSwish(x[i]);
  },

  sign_pack(args: { x: Floats; bits: Bits; count: number; channels: number; row: number } & Affine): void {
    const { x, bits, count, channels, row } = args;
    const rowBytes = Math.ceil(row / 8);
    bits.fill(0, 0, (count / row) * rowBytes);
    for (let i = 0; i < count; i++) {
      const column = i % row;
      const byte = Math.floor(i / row) * rowBytes + (column >> 3);
      if (affine(x[i], args, i % channels) >= 0) bits[byte] |= 1 << (column & 7);
    }
  },

  input_scale_f32(args: { x: Floats; k: Floats } & Affine & Window): void {
    const { x, k, channels, kernel } = args;
    eachOutput(args, 1, (index, _, row, column) => {
      let sum = 0;
      eachTap(args, row, column, (_, pixel) => {
        if (pixel < 0) return;
        for (let c = 0; c < channels; c++) sum += Math.abs(affine(x[pixel * channels + c], args, c));
      });
      k[index] = sum / (kernel * kernel * channels);
    });
  },

  binary_conv2d(args: BinaryLayer & Geometry & { shortcut: Optional }): void {
    const { x, w, k, shortcut, y, channels, filters, kernel } = args;
    const pixelBytes = Math.ceil(channels / 8);
    eachOutput(args, filters, (index, filter, row, column) => {
      let sum = 0;
      eachTap(args, row, column, (tap, pixel) => {
        const weights = (filter * kernel * kernel + tap) * pixelBytes;
        for (let c = 0; c < channels; c++) {
          sum += (pixel < 0 ? 1 : signAt(x, pixel * pixelBytes, c)) * signAt(w, weights, c);
        }
      });
      const scaled = k ? f32(sum * k[Math.floor(index / filters)]) : sum;
      const value = affine(scaled, args, filter);
      y[index] = prelu(shortcut ? f32(value + shortcut[index]) : value, args, filter);
    });
  },

  /** A convolution whose one window is the whole input. */
  binary_dense(args: BinaryLayer & { inputs: number; units: number }): void {
    const { inputs: channels, units: filters } = args;
    const image = { height: 1, width: 1, channels, outHeight: 1, outWidth: 1 };
    const window = { filters, kernel: 1, stride: 1, padTop: 0, padLeft: 0 };
    referenceKernels.binary_conv2d({ ...args, ...image, ...window, shortcut: null });
  },

  quantise({ x, scale, shift, y, count }: { x: Floats; scale: Floats; shift: Floats; y: Levels; count: number }): void {
    for (let i = 0; i < count; i++) y[i] = level(f32(f32(x[i] * scale[0]) + shift[0]));
  },

  pad_levels(args: { x: Levels; y: Levels; fill: number } & Omit<Window, 'kernel' | 'stride'>): void {
    const { x, y, fill, height, width, channels, padTop, padLeft } = args;
    eachOutput(args, channels, (index, channel, outRow, outColumn) => {
      const [row, column] = [outRow - padTop, outColumn - padLeft];
      const isInside = row >= 0 && row < height && column >= 0 && column < width;
      y[index] = isInside ? x[(row * width + column) * channels + channel] : fill;
    });
  },

  conv2d_levels(
    args: LevelLayer & { y: Floats | Levels; floats: number } & Omit<Geometry, 'padTop' | 'padLeft'>,
  ): void {
    const { x, w, y, floats, channels, filters } = args;
    eachOutput(args, filters, (index, filter, row, column) => {
      let sum = 0;
      eachTap({ ...args, padTop: 0, padLeft: 0 }, row, column, (tap, pixel) => {
        for (let c = 0; c < channels; c++) sum += x[pixel * channels + c] * w[(tap * channels + c) * filters + filter];
      });
      const value = affine(sum, args, filter);
      y[index] = floats ? value : level(value);
    });
  },

  depthwise_conv2d_levels(args: LevelLayer & { y: Levels } & Window): void {
    const { x, w, y, channels } = args;
    eachOutput(args, channels, (index, channel, row, column) => {
      let sum = 0;
      eachTap(args, row, column, (tap, pixel) => {
        if (pixel >= 0) sum += x[pixel * channels + channel] * w[tap * channels + channel];
      });
      y[index] = level(affine(sum, args, channel));
    });
  },

  add_levels(args: { a: Levels; b: Levels; weights: Floats; y: Floats | Levels; floats: number; count: number }): void {
    const { a, b, weights, y, floats, count } = args;
    for (let i = 0; i < count; i++) {
      const value = f32(f32(f32(a[i] * weights[0]) + f32(b[i] * weights[1])) + weights[2]);
      y[i] = floats ? value : level(value);
    }
  },

  affine_prelu_f32(args: { x: Floats; y: Floats; count: number; channels: number } & Epilogue): void {
    const { x, y, count, channels } = args;
    for (let i = 0; i < count; i++) y[i] = prelu(affine(x[i], args, i % channels), args, i % channels);
  },

  dense_f32(args: { x: Floats; w: Floats; bias: Floats; y: Floats; inputs: number; units: number }): void {
    const { x, w, bias, y, inputs, units } = args;
    for (let unit = 0; unit < units; unit++) {
      let sum = bias[unit];
      for (let i = 0; i < inputs; i++) sum += x[i] * w[unit * inputs + i];
      y[unit] = sum;
    }
  },
} satisfies Record<KernelName, unknown>;
