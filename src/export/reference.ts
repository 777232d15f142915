import type { KernelName } from './program.js';

type Floats = Float32Array;
type Bits = Uint8Array;
type Optional = Float32Array | null;

const f32 = Math.fround;

/** Bit `i` of a packed row, as +1 or -1. */
const signAt = (bits: Bits, byte: number, i: number): number =>
  ((bits[byte + (i >> 3)] >> (i & 7)) & 1) === 1 ? 1 : -1;

/** u * scale + shift for a channel, each step rounded to single precision; null counts as 1 and 0. */
export function affine(u: number, scale: Optional, shift: Optional, channel: number): number {
  const scaled = scale ? f32(u * scale[channel]) : u;
  return shift ? f32(scaled + shift[channel]) : scaled;
}

/** u where u >= 0, else u * slope; a null slope changes nothing. */
function prelu(u: number, slope: Optional, channel: number): number {
  return slope && !(u >= 0) ? f32(u * slope[channel]) : u;
}

/**
 * Every kernel of kernels/cpp/include/lcdnn.h in plain TypeScript, with the header's arguments in the header's order;
 * pointers are typed arrays that begin where the pointer would point, binary weights are in the order in which they
 * travel. The slow truth: float sums are taken in double precision and rounded once, bits are looked at one by one.
 */
export const referenceKernels = {
  conv2d_f32(
    x: Floats,
    w: Floats,
    bias: Optional,
    scale: Optional,
    shift: Optional,
    slope: Optional,
    y: Floats,
    h: number,
    wIn: number,
    c: number,
    filters: number,
    kernel: number,
    stride: number,
    padTop: number,
    padLeft: number,
    oh: number,
    ow: number,
  ): void {
    eachOutput(oh, ow, filters, (oy, ox, f, at) => {
      let sum = bias?.[f] ?? 0;
      eachTap(kernel, (ky, kx) => {
        const iy = oy * stride - padTop + ky;
        const ix = ox * stride - padLeft + kx;
        if (iy < 0 || iy >= h || ix < 0 || ix >= wIn) return;
        for (let i = 0; i < c; i++) {
          sum += x[(iy * wIn + ix) * c + i] * w[((ky * kernel + kx) * c + i) * filters + f];
        }
      });
      y[at] = prelu(affine(f32(sum), scale, shift, f), slope, f);
    });
  },

  depthwise_conv2d_f32(
    x: Floats,
    w: Floats,
    y: Floats,
    h: number,
    wIn: number,
    c: number,
    kernel: number,
    stride: number,
    padTop: number,
    padLeft: number,
    oh: number,
    ow: number,
  ): void {
    eachOutput(oh, ow, c, (oy, ox, channel, at) => {
      let sum = 0;
      eachTap(kernel, (ky, kx) => {
        const iy = oy * stride - padTop + ky;
        const ix = ox * stride - padLeft + kx;
        if (iy < 0 || iy >= h || ix < 0 || ix >= wIn) return;
        sum += x[(iy * wIn + ix) * c + channel] * w[(ky * kernel + kx) * c + channel];
      });
      y[at] = sum;
    });
  },

  max_pool_f32(
    x: Floats,
    y: Floats,
    h: number,
    wIn: number,
    c: number,
    kernel: number,
    stride: number,
    padTop: number,
    padLeft: number,
    oh: number,
    ow: number,
  ): void {
    eachOutput(oh, ow, c, (oy, ox, channel, at) => {
      let most = Number.NEGATIVE_INFINITY;
      eachTap(kernel, (ky, kx) => {
        const iy = oy * stride - padTop + ky;
        const ix = ox * stride - padLeft + kx;
        if (iy < 0 || iy >= h || ix < 0 || ix >= wIn) return;
        const value = x[(iy * wIn + ix) * c + channel];
        if (value > most) most = value;
      });
      y[at] = most;
    });
  },

  average_pool_f32(
    x: Floats,
    y: Floats,
    wIn: number,
    c: number,
    rows: number,
    columns: number,
    oh: number,
    ow: number,
  ): void {
    eachOutput(oh, ow, c, (oy, ox, channel, at) => {
      let sum = 0;
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
          sum += x[((oy * rows + row) * wIn + ox * columns + column) * c + channel];
        }
      }
      y[at] = f32(sum) * f32(1 / (rows * columns));
    });
  },

  repeat_channels_f32(x: Floats, y: Floats, places: number, c: number, times: number): void {
    for (let at = 0; at < places * times * c; at++) y[at] = x[Math.floor(at / (times * c)) * c + (at % c)];
  },

  add_f32(a: Floats, b: Floats, y: Floats, count: number): void {
    for (let i = 0; i < count; i++) y[i] = a[i] + b[i];
  },

  minimum_f32(x: Floats, most: Floats, y: Floats, count: number): void {
    for (let i = 0; i < count; i++) y[i] = x[i] < most[0] ? x[i] : most[0];
  },

  sign_pack(
    x: Floats,
    scale: Optional,
    shift: Optional,
    bits: Bits,
    count: number,
    channels: number,
    row: number,
  ): void {
    const rowBytes = Math.ceil(row / 8);
    bits.fill(0, 0, (count / row) * rowBytes);
    for (let i = 0; i < count; i++) {
      const inRow = i % row;
      const byte = Math.floor(i / row) * rowBytes + (inRow >> 3);
      if (affine(x[i], scale, shift, i % channels) >= 0) bits[byte] |= 1 << (inRow & 7);
    }
  },

  input_scale_f32(
    x: Floats,
    scale: Optional,
    shift: Optional,
    k: Floats,
    h: number,
    w: number,
    c: number,
    kernel: number,
    stride: number,
    padTop: number,
    padLeft: number,
    oh: number,
    ow: number,
  ): void {
    eachOutput(oh, ow, 1, (oy, ox, _channel, at) => {
      let sum = 0;
      eachTap(kernel, (ky, kx) => {
        const iy = oy * stride - padTop + ky;
        const ix = ox * stride - padLeft + kx;
        if (iy < 0 || iy >= h || ix < 0 || ix >= w) return;
        for (let i = 0; i < c; i++) sum += Math.abs(affine(x[(iy * w + ix) * c + i], scale, shift, i));
      });
      k[at] = sum / (kernel * kernel * c);
    });
  },

  binary_conv2d(
    x: Bits,
    w: Bits,
    k: Optional,
    scale: Optional,
    shift: Optional,
    slope: Optional,
    shortcut: Optional,
    y: Floats,
    _scratch: Bits,
    h: number,
    wIn: number,
    c: number,
    filters: number,
    kernel: number,
    stride: number,
    padTop: number,
    padLeft: number,
    oh: number,
    ow: number,
  ): void {
    const pixelBytes = Math.ceil(c / 8);
    eachOutput(oh, ow, filters, (oy, ox, f, at) => {
      let sum = 0;
      eachTap(kernel, (ky, kx) => {
        const iy = oy * stride - padTop + ky;
        const ix = ox * stride - padLeft + kx;
        const inside = iy >= 0 && iy < h && ix >= 0 && ix < wIn;
        const pixel = (iy * wIn + ix) * pixelBytes;
        const tap = ((f * kernel + ky) * kernel + kx) * pixelBytes;
        for (let i = 0; i < c; i++) sum += (inside ? signAt(x, pixel, i) : 1) * signAt(w, tap, i);
      });
      const scaled = k ? f32(sum * k[oy * ow + ox]) : sum;
      const value = affine(scaled, scale, shift, f);
      y[at] = prelu(shortcut ? f32(value + shortcut[at]) : value, slope, f);
    });
  },

  binary_dense(
    x: Bits,
    w: Bits,
    k: Optional,
    scale: Optional,
    shift: Optional,
    slope: Optional,
    y: Floats,
    inputs: number,
    units: number,
  ): void {
    referenceKernels.binary_conv2d(x, w, k, scale, shift, slope, null, y, x, 1, 1, inputs, units, 1, 1, 0, 0, 1, 1);
  },

  affine_prelu_f32(
    x: Floats,
    scale: Optional,
    shift: Optional,
    slope: Optional,
    y: Floats,
    count: number,
    channels: number,
  ): void {
    for (let i = 0; i < count; i++) {
      const channel = i % channels;
      y[i] = prelu(affine(x[i], scale, shift, channel), slope, channel);
    }
  },

  dense_f32(x: Floats, w: Floats, bias: Floats, y: Floats, inputs: number, units: number): void {
    for (let unit = 0; unit < units; unit++) {
      let sum = bias[unit];
      for (let i = 0; i < inputs; i++) sum += x[i] * w[unit * inputs + i];
      y[unit] = sum;
    }
  },
} satisfies Record<KernelName, unknown>;

function eachOutput(
  oh: number,
  ow: number,
  channels: number,
  visit: (oy: number, ox: number, channel: number, at: number) => void,
): void {
  for (let at = 0; at < oh * ow * channels; at++) {
    const pixel = Math.floor(at / channels);
    visit(Math.floor(pixel / ow), pixel % ow, at % channels, at);
  }
}

function eachTap(kernel: number, visit: (ky: number, kx: number) => void): void {
  for (let tap = 0; tap < kernel * kernel; tap++) visit(Math.floor(tap / kernel), tap % kernel);
}
