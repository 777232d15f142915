import { integer, type Random, random } from '../../base/random.js';
import type { ImageShape } from '../pixels.js';

/** Transformation of one image: optional mirroring, then a move `down` and `right` (negative: up, left). */
export interface Move {
  readonly down: number;
  readonly right: number;
  readonly flip: boolean;
}

/**
 * Draws a move by up to `shift` pixels in each direction (pad and crop; He et al. 2015, section 4.2). With `flip`, half
 * of the draws also mirror.
 */
export function drawMove(next: Random, shift: number, flip: boolean): Move {
  return {
    down: integer(next, 2 * shift + 1) - shift,
    right: integer(next, 2 * shift + 1) - shift,
    flip: flip && next() < 0.5,
  };
}

/** Separates the draws of alternating flips from all others. */
const MIRROR_STREAM = -2;

/** Alternating flips: each image is mirrored in every other epoch. Whether it begins with the first epoch is random. */
export function isMirrored(seed: number, epoch: number, image: number): boolean {
  const inFirst = random(seed, MIRROR_STREAM, image)() < 0.5;
  return inFirst === (epoch % 2 === 0);
}

/** Border of a moved image: background (0), or the image mirrored at its edge (`reflect`). */
export type ShiftFill = 'zero' | 'reflect';

/** Writes the moved image to `target`. Both are height * width * channels bytes, HWC, and must not overlap. */
export function moveImage(
  source: Uint8Array,
  [height, width, channels]: ImageShape,
  { down, right, flip }: Move,
  target: Uint8Array,
  fill: ShiftFill = 'zero',
): void {
  target.fill(0);
  for (let y = 0; y < height; y++) {
    const sourceY = sourceIndex(y - down, height, fill);
    if (sourceY === undefined) continue;
    for (let x = 0; x < width; x++) {
      const moved = sourceIndex(x - right, width, fill);
      if (moved === undefined) continue;
      const sourceX = flip ? width - 1 - moved : moved;
      const from = (sourceY * width + sourceX) * channels;
      const to = (y * width + x) * channels;
      for (let c = 0; c < channels; c++) target[to + c] = source[from + c];
    }
  }
}

/** The source row or column for this index, which may be outside the image; undefined for background. */
function sourceIndex(index: number, size: number, fill: ShiftFill): number | undefined {
  if (index >= 0 && index < size) return index;
  if (fill === 'zero') return undefined;
  const period = Math.max(1, 2 * (size - 1)); // 0 1 2 3 2 1 | 0 1 2 ...: the edge itself isn't repeated
  const inPeriod = ((index % period) + period) % period;
  return inPeriod < size ? inPeriod : period - inPeriod;
}
