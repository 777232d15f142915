import { beta, random } from '../../base/random.js';
import type { BatchDraw } from './augment.js';

/** The stream of a batch's draws for mixup; the images use the streams from 1 on. */
const STREAM = -1;

/** The weight λ of an image itself in its mixture, from Beta(alpha, alpha), one per batch (Zhang et al. 2018). */
export function drawMixup({ seed, epoch, index }: BatchDraw, alpha: number): number {
  return beta(random(seed, epoch, index, STREAM), alpha);
}

/**
 * The partner of a batch's i-th image: pairs are formed from both ends. The order of a batch is random, so the pairs
 * are, too.
 */
export const partnerOf = (i: number, size: number): number => size - 1 - i;

/**
 * Mixes each image with its partner, in place: λ times itself plus 1 - λ times the partner.
 *
 * @param images normalised, [size, ...]
 */
export function mixImages(images: Float32Array, size: number, share: number): void {
  const length = images.length / size;
  for (let i = 0; i < partnerOf(i, size); i++) {
    const [first, second] = [i * length, partnerOf(i, size) * length];
    for (let p = 0; p < length; p++) {
      const [a, b] = [images[first + p], images[second + p]];
      images[first + p] = share * a + (1 - share) * b;
      images[second + p] = share * b + (1 - share) * a;
    }
  }
}
