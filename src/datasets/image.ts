import sharp from 'sharp';
import { messageOf, UserError } from '../base/errors.js';
import { readFileOrExplain } from '../base/files.js';

/** Pixels as a browser's ImageData has them: RGBA, row by row, 8 bits, not premultiplied. */
export interface RgbaImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray;
}

/** Most pixels that are decoded: any phone's photograph, and no image that unpacks to gigabytes. */
export const MAX_PIXELS = 100_000_000;

/**
 * Decodes an image file (PNG, JPEG, WebP, GIF, AVIF, TIFF, SVG), turned as its EXIF orientation says.
 *
 * @throws UserError where the file is absent, no image, damaged or too large
 */
export async function readImage(path: string): Promise<RgbaImage> {
  const bytes = readFileOrExplain(path, 'an image');
  try {
    const { data, info } = await sharp(bytes, { limitInputPixels: MAX_PIXELS })
      .autoOrient()
      .toColourspace('srgb')
      .ensureAlpha()
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, data: new Uint8ClampedArray(data) };
  } catch (thrown) {
    throw noImage(path, thrown);
  }
}

/**
 * Decodes an image file to a square of 8-bit RGB: turned as its EXIF orientation says, transparency on black, the
 * shorter side resized to `size`, the middle of the longer one. The header alone tells what is too large.
 *
 * @returns size * size * 3 bytes, HWC
 * @throws UserError where the file is absent, no image, damaged or of more than `MAX_PIXELS`
 */
export async function readSquare(path: string, size: number): Promise<Uint8Array> {
  try {
    // Warnings are no reason to refuse: photographs of cameras have them, and decode.
    return await sharp(path, { limitInputPixels: MAX_PIXELS, failOn: 'error' })
      .autoOrient()
      .resize(size, size, { fit: 'cover' })
      .flatten({ background: 'black' })
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer();
  } catch (thrown) {
    throw noImage(path, thrown);
  }
}

function noImage(path: string, thrown: unknown): UserError {
  const reason = messageOf(thrown).replace(/\s*\n\s*/g, '; ');
  return new UserError(`${path}: expected an image (PNG, JPEG, WebP, GIF, AVIF, TIFF or SVG), found: ${reason}`);
}
