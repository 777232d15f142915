import { readFile } from 'node:fs/promises';
import sharp, { type SharpOptions } from 'sharp';
import { codeOf, messageOf, UserError } from '../base/errors.js';

/** Pixels as a browser's ImageData has them: RGBA, row by row, 8 bits, not premultiplied. */
export interface RgbaImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray;
}

/** Maximum number of pixels that are decoded: enough for any phone's photograph. */
export const MAX_PIXELS = 100_000_000;

/**
 * Decoder options, the same for training and predictions. Decoder warnings aren't errors, because many cameras write
 * files that cause warnings. A truncated file is an error, although browsers show its first rows.
 */
const DECODING: SharpOptions = { limitInputPixels: MAX_PIXELS, failOn: 'error' };

/**
 * Decodes an image file (PNG, JPEG, WebP, GIF, AVIF, TIFF, SVG) and applies its EXIF orientation.
 *
 * @throws UserError if the file is missing, isn't an image, is damaged or has more than `MAX_PIXELS`
 */
export async function readImage(path: string): Promise<RgbaImage> {
  const bytes = await readImageFile(path);
  try {
    const { data, info } = await sharp(bytes, DECODING)
      .autoOrient()
      .toColourspace('srgb')
      .ensureAlpha()
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, data: new Uint8ClampedArray(data) };
  } catch (thrown) {
    throw notAnImage(path, thrown);
  }
}

/**
 * Decodes an image file to a square of 8-bit RGB. The EXIF orientation is applied, transparent pixels are put on black,
 * the shorter side is resized to `size`, and the longer one is cropped around its centre.
 *
 * @returns size * size * 3 bytes, HWC
 * @throws UserError as `readImage` does
 */
export async function readSquare(path: string, size: number): Promise<Uint8Array> {
  return decodeSquare(await readImageFile(path), path, size);
}

/** `readSquare` for a file that is already in memory. @throws UserError if the content isn't a usable image */
export async function decodeSquare(bytes: Uint8Array, path: string, size: number): Promise<Uint8Array> {
  try {
    return await sharp(bytes, DECODING)
      .autoOrient()
      .resize(size, size, { fit: 'cover' })
      .flatten({ background: 'black' })
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer();
  } catch (thrown) {
    throw notAnImage(path, thrown);
  }
}

/**
 * Decodes an image to a given shape: stretched, in RGB or with one grey channel. For small pictures, as of MNIST.
 *
 * @returns height * width * channels bytes, HWC
 * @throws UserError if the content isn't a usable image
 */
export async function decodeShape(
  bytes: Uint8Array,
  path: string,
  [height, width, channels]: readonly [number, number, number],
): Promise<Uint8Array> {
  try {
    const image = sharp(bytes, DECODING)
      .autoOrient()
      .resize(width, height, { fit: 'fill' })
      .flatten({ background: 'black' })
      .toColourspace(channels === 1 ? 'b-w' : 'srgb');
    return await image.raw({ depth: 'uchar' }).toBuffer();
  } catch (thrown) {
    throw notAnImage(path, thrown);
  }
}

/** Width and height of an image after its EXIF orientation is applied. @throws UserError if it isn't an image */
export async function imageSize(bytes: Uint8Array, path: string): Promise<{ width: number; height: number }> {
  try {
    return (await sharp(bytes, DECODING).metadata()).autoOrient;
  } catch (thrown) {
    throw notAnImage(path, thrown);
  }
}

/** The content of an image file. @throws UnreadableFile */
export async function readImageFile(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (thrown) {
    const reason = codeOf(thrown) === 'ENOENT' ? 'no such file' : messageOf(thrown);
    throw new UnreadableFile(`${path}: expected an image file, found: ${reason}`);
  }
}

/** A file that can't be read now; it isn't necessarily damaged. */
export class UnreadableFile extends UserError {
  override readonly code: string = 'ERR_LCDNN_IMAGE';
}

function notAnImage(path: string, thrown: unknown): UserError {
  const reason = messageOf(thrown).replace(/\s*\n\s*/g, '; ');
  return new UserError(`${path}: expected an image (PNG, JPEG, WebP, GIF, AVIF, TIFF or SVG), found: ${reason}`);
}
