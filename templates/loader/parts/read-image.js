// What a caller may give as an image: checks it, and converts it to what `toInput` takes.

import { describe } from './describe.js';
import { tagOf } from './pixels.js';

const refuse = (expected, found) => {
  throw new Error(`image: expected ${expected}, found ${found}`);
};

/**
 * Normalised values (Float32Array), levels (bytes), RGBA pixels with a size, or a promise of a bitmap. Except for the bitmap, it
 * may be the caller's memory.
 *
 * @param importResize imports lcdnn-resize.js
 */
export function readImage(image, input, importResize) {
  const [height, width, channels] = input.shape;
  if (ArrayBuffer.isView(image)) {
    const values = readValues(image);
    const expected = height * width * channels;
    if (values.length !== expected) refuse(`${height} x ${width} x ${channels} values`, values.length);
    if (!values.every(Number.isFinite)) refuse('finite values', 'NaN or Infinity');
    return values;
  }
  const isPixels = image?.data && typeof image.data === 'object';
  // The platform converts the colours.
  const isWide = isPixels && tagOf(image) === 'ImageData' && (image.colorSpace ?? 'srgb') !== 'srgb';
  return isPixels && !(isWide && globalThis.createImageBitmap) ? readRgba(image) : draw(image, input, importResize);
}

// Arrays of other windows, and Node's Buffers, are known by their tag. Views of shared memory are copied.
function readValues(image) {
  const tag = tagOf(image);
  if (tag === 'Uint8Array' || tag === 'Uint8ClampedArray') return viewOf(Uint8Array, image);
  if (tag === 'Float32Array') return viewOf(Float32Array, image);
  if (tag === 'Float64Array' || tag === 'Float16Array') return new Float32Array(image);
  return refuse('levels as bytes, or normalised values as a Float32Array, Float64Array or Float16Array', `a ${tag}`);
}

function viewOf(Type, { buffer, byteOffset, length }) {
  if (!length) return new Type(); // detached, for example
  return tagOf(buffer) === 'ArrayBuffer' && buffer instanceof ArrayBuffer
    ? new Type(buffer, byteOffset, length)
    : new Type(new Type(buffer, byteOffset, length));
}

function readRgba({ width, height, data }) {
  const expected = 4 * width * height;
  if (
    !(Number.isInteger(width) && Number.isInteger(height) && Math.min(width, height) > 0 && data.length === expected)
  ) {
    refuse(`${describe(width)} x ${describe(height)} RGBA pixels`, describe(data.length));
  }
  const tag = tagOf(data);
  if (tag === 'Uint8Array' || tag === 'Uint8ClampedArray') return { width, height, data: viewOf(Uint8Array, data) };
  if (ArrayBuffer.isView(data) && tag !== 'Float16Array') {
    refuse('RGBA pixels as bytes or a list of numbers', `a ${tag}`);
  }
  const levels = new Uint8ClampedArray(expected);
  // Half-precision pixels are fractions of full brightness.
  const scale = tag === 'Float16Array' ? 255 : 1;
  for (let i = 0; i < expected; i++) {
    if (!Number.isFinite(data[i])) refuse('finite values', describe(data[i]));
    levels[i] = scale * data[i];
  }
  return { width, height, data: new Uint8Array(levels.buffer) };
}

// Whatever this platform draws: image, video and canvas elements, video frames, bitmaps, files. SVGs may need more work.
async function draw(image, input, importResize) {
  try {
    return await createImageBitmap(image);
  } catch (thrown) {
    try {
      return await (await importResize()).drawSvg(image, input);
    } catch {}
    throw new Error(
      `image: expected pixels, or a picture that is loaded, found ${describe(image)} (${thrown.message})`,
    );
  }
}

export const copyOf = (image) =>
  ArrayBuffer.isView(image) ? image.slice() : { ...image, data: new Uint8Array(image.data) };

/** `readImage` without the caller's memory, which is copied, or read by `take`, before this function returns. */
export async function takeImage(image, input, importResize, take = copyOf) {
  const seen = readImage(image, input, importResize);
  return seen.then ? seen : take(seen);
}
