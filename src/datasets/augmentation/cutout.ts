import { integer, type Random } from '../../base/random.js';
import type { ImageShape } from '../pixels.js';

/**
 * Cutout (DeVries and Taylor 2017): sets a square around a pixel drawn with equal chances to 0, the mean colour. The
 * square may lie partly outside the image.
 *
 * @param image normalised, HWC
 * @param side of the square, in pixels
 */
export function cutOut(image: Float32Array, [height, width, channels]: ImageShape, side: number, next: Random): void {
  const top = integer(next, height) - (side >> 1);
  const left = integer(next, width) - (side >> 1);
  const [from, to] = [Math.max(left, 0), Math.min(left + side, width)];
  for (let y = Math.max(top, 0); y < Math.min(top + side, height); y++) {
    image.fill(0, (y * width + from) * channels, (y * width + to) * channels);
  }
}
