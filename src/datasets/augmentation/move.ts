import { integer, type Random } from '../../base/random.js';
import type { ImageShape } from '../pixels.js';

/** What happens to one image: mirrored or not, then moved `down` and `right` (negative: up, left). */
export interface Move {
  readonly down: number;
  readonly right: number;
  readonly flip: boolean;
}

/**
 * Draws a move by up to `shift` pixels in each direction (pad and crop; He et al. 2015, section 4.2), and a mirroring
 * in half of the draws where `flip`.
 */
export function drawMove(next: Random, shift: number, flip: boolean): Move {
  return {
    down: integer(next, 2 * shift + 1) - shift,
    right: integer(next, 2 * shift + 1) - shift,
    flip: flip && next() < 0.5,
  };
}

/**
 * Writes the moved image to `target`; what comes in is background (0). Both are height * width * channels bytes, HWC,
 * and must not overlap.
 */
export function moveImage(
  source: Uint8Array,
  [height, width, channels]: ImageShape,
  { down, right, flip }: Move,
  target: Uint8Array,
): void {
  target.fill(0);
  for (let y = Math.max(0, down); y < Math.min(height, height + down); y++) {
    for (let x = Math.max(0, right); x < Math.min(width, width + right); x++) {
      const sourceX = flip ? width - 1 - (x - right) : x - right;
      const from = ((y - down) * width + sourceX) * channels;
      const to = (y * width + x) * channels;
      for (let c = 0; c < channels; c++) target[to + c] = source[from + c];
    }
  }
}
