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
const MAX_PIXELS = 100_000_000;

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
    const reason = messageOf(thrown).replace(/\s*\n\s*/g, '; ');
    throw new UserError(`${path}: expected an image (PNG, JPEG, WebP, GIF, AVIF, TIFF or SVG), found: ${reason}`);
  }
}
