import { sum } from '../base/statistics.js';
import type { Outcomes } from './outcomes.js';

/** Largest share of harmful exits that counts. */
const MOST_HARM = 0.05;

/**
 * The share of images that could exit early, as a mean over thresholds with harmful exits (wrong, although the full
 * network is right) from none to 5 % of all images. One threshold alone would depend on a few images.
 */
export function meanExits({ entropy, branchRight, fullRight }: Outcomes): number {
  const images = entropy.length;
  const order = Array.from(entropy.keys()).sort((a, b) => entropy[a] - entropy[b]);
  const harmful = order.flatMap((image, before) => (fullRight[image] && !branchRight[image] ? [before] : []));
  const most = Math.floor(MOST_HARM * images);
  // With k harmful exits allowed, every image before the next harmful one exits.
  const exits = Array.from({ length: most + 1 }, (_, allowed) => harmful[allowed] ?? images);
  return sum(exits) / exits.length / images;
}
