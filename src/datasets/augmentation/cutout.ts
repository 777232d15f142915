import { integer, type Random } from '../../base/random.js';
import type { ImageShape } from '../pixels.js';

/** A square of an image, in pixels; it may lie partly outside. */
export interface Square {
  readonly top: number;
  readonly left: number;
  readonly side: number;
}

/** A square of this side around a random pixel; all pixels are equally likely. */
export function drawSquare(next: Random, [height, width]: ImageShape, side: number): Square {
  const top = integer(next, height) - (side >> 1);
  return { top, left: integer(next, width) - (side >> 1), side };
}

/** Cutout (DeVries and Taylor 2017): sets a square of a normalised HWC image to 0, the mean colour. */
export function cutOut(image: Float32Array, [height, width, channels]: ImageShape, { top, left, side }: Square): void {
  const [from, to] = [Math.max(left, 0), Math.min(left + side, width)];
  for (let y = Math.max(top, 0); y < Math.min(top + side, height); y++) {
    image.fill(0, (y * width + from) * channels, (y * width + to) * channels);
  }
}
