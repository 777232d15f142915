import { createHash } from 'node:crypto';
import { UserError } from '../base/errors.js';
import { permutation, random } from '../base/random.js';
import type { Split } from './dataset.js';

/** Indices in a split, ascending; every index is in one of the two. */
export interface TrainValidation {
  readonly train: Int32Array;
  readonly validation: Int32Array;
}

/** How a data set's images are assigned to splits: by their content (image folders), or by their position. */
export type SplitRule = 'content' | 'position';

/** The rule for a split: only image files have hashes. */
export const splitRuleOf = ({ hashes }: Pick<Split, 'hashes'>): SplitRule => (hashes ? 'content' : 'position');

/**
 * Sets a part of the training images aside for validation, with every class represented. The same images and seed give
 * the same parts.
 *
 * Images with hashes are assigned by content (`setAside`), so counts are approximate; an image that a run has recorded
 * stays where it was. Other images are drawn by position, with an exact count and each class in its share (largest
 * remainder).
 *
 * @param validation a share between 0 and 1, or a whole number of images; 0 keeps none
 * @throws UserError if nothing is left to train on, or to validate on although that was asked for
 */
export function splitTrainValidation(
  { labels, hashes, recorded }: Pick<Split, 'labels' | 'hashes' | 'recorded'>,
  validation: number,
  seed: number,
): TrainValidation {
  const size = validation === 0 ? 0 : validationSize(labels.length, validation, hashes === undefined);
  // Not by content: `setAside` would keep one of each class.
  const byContent = size > 0 ? hashes : undefined;
  const chosen = byContent
    ? setAside(labels, byContent, size / labels.length, `validation ${seed}`)
    : drawByPosition(labels, size, seed);
  for (const [index, side] of (recorded ?? []).entries()) {
    if (side !== undefined) chosen[index] = side === 'validation' ? 1 : 0;
  }
  const indices = Int32Array.from(labels, (_, index) => index);
  const split = {
    train: indices.filter((index) => !chosen[index]),
    validation: indices.filter((index) => chosen[index]),
  };
  if ((split.validation.length > 0 || size === 0) && split.train.length > 0) return split;
  throw new UserError(
    'validation: expected two different images of a class or more, one to train on and one to validate on; found ' +
      `${labels.length} images, no two of them different and of the same class`,
  );
}

/** Images to measure a run on: those for validation, or all that it trains on if it keeps none. */
export const imagesToMeasureOn = ({ train, validation }: TrainValidation): Int32Array =>
  validation.length > 0 ? validation : train;

/** The parts of a run's training images. Without a choice between epochs, both parts for validation are all of it. */
export interface RunSplit extends TrainValidation {
  /** Validation images that choose an epoch. */
  readonly choosing: Int32Array;
  /** Validation images that nothing was chosen with: they certify τ. */
  readonly certifying: Int32Array;
}

/**
 * The parts of the training images in a run.
 *
 * @param choosesEpoch whether epochs are compared on validation images: they are then halved, with every class in both
 *   halves if it has two images
 * @throws UserError as `splitTrainValidation` does, and if there is only one validation image to halve
 */
export function splitForRun(
  split: Pick<Split, 'labels' | 'hashes' | 'recorded'>,
  { validation: size, seed, choosesEpoch }: { validation: number; seed: number; choosesEpoch: boolean },
): RunSplit {
  const { train, validation } = splitTrainValidation(split, size, seed);
  if (!choosesEpoch) return { train, validation, choosing: validation, certifying: validation };
  const labels = Uint16Array.from(validation, (index) => split.labels[index]);
  const hashes = split.hashes && Array.from(validation, (index) => split.hashes![index]);
  const certifies = hashes
    ? setAside(labels, hashes, 0.5, `certify ${seed}`)
    : drawByPosition(labels, validation.length >> 1, seed);
  const choosing = validation.filter((_, i) => !certifies[i]);
  const certifying = validation.filter((_, i) => certifies[i]);
  if (choosing.length > 0 && certifying.length > 0) return { train, validation, choosing, certifying };
  throw new UserError(
    'validation: expected two different images of a class or more, one to choose an epoch (--keep best, --patience) and ' +
      `one to tune the threshold; found ${validation.length} validation images`,
  );
}

/**
 * Chooses images by a hash of their content: each is set aside with probability `share`, whatever other images there
 * are. So adding or deleting an image doesn't move others. Only if a class would be missing on one side does the image
 * that is nearest to that side move there. A class of one image isn't split. Copies stay together.
 *
 * @param salt makes this choice independent of others on the same images
 * @returns 1 for each image that is set aside
 */
export function setAside(labels: Uint16Array, hashes: readonly string[], share: number, salt: string): Uint8Array {
  const draws = new Map<string, number>();
  for (const hash of hashes) if (!draws.has(hash)) draws.set(hash, uniform(`${salt} ${hash}`));
  const aside = new Set([...draws].filter(([, draw]) => draw < share).map(([hash]) => hash));
  for (const contents of contentsByClass(labels, hashes)) {
    const ascending = [...contents].sort((a, b) => draws.get(a)! - draws.get(b)!);
    const [first, last] = [ascending[0], ascending[ascending.length - 1]];
    if (ascending.length > 1 && !ascending.some((hash) => aside.has(hash))) aside.add(first);
    else if (ascending.every((hash) => aside.has(hash))) aside.delete(last);
  }
  return Uint8Array.from(hashes, (hash) => (aside.has(hash) ? 1 : 0));
}

/** A number in [0, 1) that is determined by a text. */
function uniform(text: string): number {
  return Number.parseInt(createHash('sha256').update(text).digest('hex').slice(0, 12), 16) / 2 ** 48;
}

function contentsByClass(labels: Uint16Array, hashes: readonly string[]): Iterable<ReadonlySet<string>> {
  const contents = new Map<number, Set<string>>();
  for (const [index, label] of labels.entries()) {
    const ofClass = contents.get(label) ?? new Set();
    contents.set(label, ofClass.add(hashes[index]));
  }
  return contents.values();
}

function drawByPosition(labels: Uint16Array, size: number, seed: number): Uint8Array {
  const perClass = quotas(labels, size);
  const chosen = new Uint8Array(labels.length);
  for (const index of permutation(random(seed), labels.length)) {
    if (perClass[labels[index]] === 0) continue;
    perClass[labels[index]]--;
    chosen[index] = 1;
  }
  return chosen;
}

/** @param isExact counts are exact, so a share that rounds to none or all of the images is an error */
function validationSize(count: number, validation: number, isExact: boolean): number {
  const isShare = validation > 0 && validation < 1;
  if (isShare && !isExact && count > 1) return validation * count;
  const size = isShare ? Math.round(validation * count) : validation;
  if (Number.isInteger(size) && size >= 1 && size < count) return size;
  throw new UserError(
    `validation: expected a share between 0 and 1 or a number of images from 1 to ${count - 1} ` +
      `(there are ${count} to train on), found ${validation}`,
  );
}

/**
 * Number of images from each class if `size` images are chosen: its share rounded down, plus one for the largest
 * remainders.
 */
function quotas(labels: Uint16Array, size: number): number[] {
  const counts = new Array<number>(1 + labels.reduce((most, label) => Math.max(most, label), 0)).fill(0);
  for (const label of labels) counts[label]++;
  const exact = counts.map((count) => (count * size) / labels.length);
  const quota = exact.map(Math.floor);
  const byRemainder = quota.map((_, label) => label).sort((a, b) => exact[b] - quota[b] - (exact[a] - quota[a]));
  const missing = size - quota.reduce((a, b) => a + b);
  for (const label of byRemainder.slice(0, missing)) quota[label]++;
  return quota;
}
