import { fromHalf, toHalf } from '../../base/half.js';
import type { Values } from '../../bundle/datatypes.js';
import type { Manifest } from '../../bundle/manifest.js';

/** How values travel to the edge, as the manifest's `tail` says it; float32 where it says nothing. */
export type Encoding = Pick<Manifest['tail'], 'datatype' | 'scale' | 'offset' | 'from'>;

/** What to send can be asked for by these names. */
export const UPLINKS = ['f32', 'f16', 'u8', 'image'] as const;
export type Uplink = (typeof UPLINKS)[number];

/** The smallest and the largest value of every channel. */
export interface Ranges {
  readonly least: Float64Array;
  readonly most: Float64Array;
}

/** Channels of a smaller range are constant: their scale would leave what float32 can hold. */
const LEAST_RANGE = 1e-30;

/** The ranges of the channels of these tensors, channels last. */
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

/** A byte per value: 0 is a channel's smallest, 255 its largest. No offset where all of them begin at 0, as behind a ReLU. */
export function byteEncoding({ least, most }: Ranges): Encoding {
  const ranges = most.map((value, c) => value - least[c]);
  const scale = Array.from(ranges, (range) => (range > LEAST_RANGE ? roundedUp(range / 255) : 1));
  const offset = Array.from(least, Math.fround);
  return { datatype: 'UINT8', scale, ...(offset.some((value) => value !== 0) ? { offset } : {}) };
}

/** To 4 digits: a page fetches them, and a range may as well be a little wider. */
function roundedUp(value: number): number {
  const near = Number(value.toPrecision(4));
  return near >= value ? near : Number((near + 10 ** (Math.floor(Math.log10(near)) - 3)).toPrecision(4));
}

/** The image itself, whose normalised values are the pixels' again in bytes. */
export function imageEncoding({ mean, std }: Pick<Manifest['input'], 'mean' | 'std'>): Encoding {
  const scale = std.map((deviation) => 1 / (255 * deviation));
  const offset = std.map((deviation, c) => -mean[c] / deviation);
  return { datatype: 'UINT8', scale, offset, from: 'image' };
}

/**
 * Values as they travel: halves rounded to nearest, ties to even; bytes of (value - offset) / scale the same, and what lies
 * out of their range at its end. lcdnn-edge.js has the same function, and the two are held against each other.
 *
 * @param values NHWC
 */
export function encode(values: Float32Array, { datatype, scale, offset }: Encoding): Values {
  if (!datatype) return values;
  if (datatype === 'FP16') return Uint16Array.from(values, toHalf);
  const channels = scale!.length;
  const bytes = new Uint8ClampedArray(values.length); // rounds as said, to bytes
  for (let i = 0; i < values.length; i++) {
    const c = i % channels;
    bytes[i] = (values[i] - (offset?.[c] ?? 0)) / scale![c];
  }
  return new Uint8Array(bytes.buffer);
}

/** The values that the tail makes of what it is sent. */
export function decode(sent: Values, { datatype, scale, offset }: Encoding): Float32Array {
  if (!datatype) return sent as Float32Array;
  if (datatype === 'FP16') return Float32Array.from(sent, fromHalf);
  const channels = scale!.length;
  return Float32Array.from(sent, (byte, i) => {
    const c = i % channels;
    return Math.fround(byte * Math.fround(scale![c])) + Math.fround(offset?.[c] ?? 0);
  });
}
