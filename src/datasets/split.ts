import { UserError } from '../base/errors.js';
import { permutation, random } from '../base/random.js';

/** Indices in a split, ascending; every index is in one of the two. */
export interface TrainValidation {
  readonly train: Int32Array;
  readonly validation: Int32Array;
}

/**
 * Sets a part of the training images aside for validation, at random, with every class in its share (largest
 * remainder). The same labels and seed give the same parts.
 *
 * @param labels a class number per image
 * @param validation how much: a share between 0 and 1, or a whole number of images
 * @throws UserError where that leaves nothing to train on or nothing to validate on
 */
export function splitTrainValidation(labels: Uint16Array, validation: number, seed: number): TrainValidation {
  const size = validationSize(labels.length, validation);
  const perClass = quotas(labels, size);
  const chosen = new Uint8Array(labels.length);
  for (const index of permutation(random(seed), labels.length)) {
    if (perClass[labels[index]] === 0) continue;
    perClass[labels[index]]--;
    chosen[index] = 1;
  }
  const indices = Int32Array.from(labels, (_, index) => index);
  return { train: indices.filter((index) => !chosen[index]), validation: indices.filter((index) => chosen[index]) };
}

function validationSize(count: number, validation: number): number {
  const isShare = validation > 0 && validation < 1;
  const size = isShare ? Math.round(validation * count) : validation;
  if (Number.isInteger(size) && size >= 1 && size < count) return size;
  throw new UserError(
    `validation: expected a share between 0 and 1 or a number of images from 1 to ${count - 1} ` +
      `(there are ${count} to train on), found ${validation}`,
  );
}

/** How many of `size` images each class gives: its share rounded down, then one more for the largest remainders. */
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
