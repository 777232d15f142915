import { fromHalf, toHalf } from '../../base/half.js';
import type { Values } from '../../bundle/datatypes.js';
import type { Manifest } from '../../bundle/manifest.js';

/** How values are sent to the edge: the fields of the manifest's `tail`. Without them, as float32. */
export type Encoding = Pick<Manifest['tail'], 'datatype' | 'scale' | 'offset' | 'from'>;

/** Names of what a device can send, as users choose it. */
export const UPLINKS = ['f32', 'f16', 'u8', 'image'] as const;
export type Uplink = (typeof UPLINKS)[number];

/** The smallest and the largest value of every channel. */
export interface Ranges {
  readonly least: Float64Array;
  readonly most: Float64Array;
}

/** Channels with a smaller range count as constant, because their scale would be too small for float32. */
const LEAST_RANGE = 1e-30;

/** Channel ranges over all of these tensors, whose channels are the last axis. */
export function channelRanges(tensors: Iterable<Float32Array>, channels: number): Ranges {
  const least = new Float64Array(channels).fill(Number.POSITIVE_INFINITY);
  const most = new Float64Array(channels).fill(Number.NEGATIVE_INFINITY);
  for (const values of tensors) {
    for (let i = 0; i < values.length; i++) {
      const c = i % channels;
      least[c] = Math.min(least[c], values[i]);
      most[c] = Math.max(most[c], values[i]);
    }
  }
  return { least, most };
}

/** A byte per value: 0 is a channel's smallest, 255 its largest. No offset if every channel starts at 0, as after a ReLU. */
export function byteEncoding({ least, most }: Ranges): Encoding {
  const ranges = most.map((value, c) => value - least[c]);
  const scale = Array.from(ranges, (range) => (range > LEAST_RANGE ? roundedUp(range / 255) : 1));
  const offset = Array.from(least, Math.fround);
  return { datatype: 'UINT8', scale, ...(offset.some((value) => value !== 0) ? { offset } : {}) };
}

/** Rounds up to 4 digits: a page downloads these numbers, and a range may be a little wider. */
function roundedUp(value: number): number {
  const near = Number(value.toPrecision(4));
  return near >= value ? near : Number((near + 10 ** (Math.floor(Math.log10(near)) - 3)).toPrecision(4));
}

/** The image itself: its normalised values as the bytes of its pixels. */
export function imageEncoding({ mean, std }: Pick<Manifest['input'], 'mean' | 'std'>): Encoding {
  const scale = std.map((deviation) => 1 / (255 * deviation));
  const offset = std.map((deviation, c) => -mean[c] / deviation);
  return { datatype: 'UINT8', scale, offset, from: 'image' };
}

/**
 * Values as they are sent. Halves are rounded to nearest, ties to even; so are bytes of (value - offset) / scale, and
 * values outside their range become its nearest end. The loader's lcdnn-edge.js has the same function; tests compare the two.
 *
 * @param values NHWC
 */
export function encode(values: Float32Array, { datatype, scale, offset }: Encoding): Values {
  if (!datatype) return values;
  if (datatype === 'FP16') return Uint16Array.from(values, toHalf);
  const channels = scale!.length;
  const bytes = new Uint8ClampedArray(values.length); // rounds to nearest, ties to even, and clamps
  for (let i = 0; i < values.length; i++) {
    const c = i % channels;
    bytes[i] = (values[i] - (offset?.[c] ?? 0)) / scale![c];
  }
  return new Uint8Array(bytes.buffer);
}

/** Decodes as the tail does. */
export function decode(sent: Values, { datatype, scale, offset }: Encoding): Float32Array {
  if (!datatype) return sent as Float32Array;
  if (datatype === 'FP16') return Float32Array.from(sent, fromHalf);
  const channels = scale!.length;
  return Float32Array.from(sent, (byte, i) => {
    const c = i % channels;
    return Math.fround(byte * Math.fround(scale![c])) + Math.fround(offset?.[c] ?? 0);
  });
}
