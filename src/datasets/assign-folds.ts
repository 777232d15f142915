import { permutation, type Random } from '../base/random.js';
import type { Split } from './dataset.js';

/**
 * The fold of each image: random, with each class spread evenly over the folds. Copies of an image stay together.
 *
 * @param images indices of the images in the split
 * @returns a number from 0 to `folds` - 1 for each of `images`; a fold may be empty if they are few
 */
export function assignFolds(
  { labels, hashes }: Pick<Split, 'labels' | 'hashes'>,
  images: Int32Array,
  folds: number,
  next: Random,
): Uint8Array {
  // Classes start with different folds, so that these become equally large.
  const turns = new Map<number, number>();
  const ofCopy = new Map<string, number>();
  const assigned = new Uint8Array(images.length);
  for (const place of permutation(next, images.length)) {
    const image = images[place];
    const [label, hash] = [labels[image], hashes?.[image]];
    const known = hash === undefined ? undefined : ofCopy.get(hash);
    const turn = turns.get(label) ?? label;
    const fold = known ?? turn % folds;
    if (known === undefined) turns.set(label, turn + 1);
    if (hash !== undefined) ofCopy.set(hash, fold);
    assigned[place] = fold;
  }
  return assigned;
}
