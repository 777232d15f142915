import type { Batch } from '../datasets/batches.js';
import type { Config } from '../run/config.js';

/**
 * Weight of each class in the loss, for balanced ones n / (classes * images of the class): every class has the same sum,
 * and the mean over the n training images is 1. A class without training images has weight 0.
 *
 * @param places indices of the training images
 * @returns undefined if all images weigh the same
 */
export function classWeightsOf(
  { classWeights }: Pick<Config, 'classWeights'>,
  labels: Uint16Array,
  places: Int32Array,
  classes: number,
): number[] | undefined {
  if (classWeights === 'none') return undefined;
  const counts = new Array<number>(classes).fill(0);
  for (const place of places) counts[labels[place]]++;
  const present = counts.filter((count) => count > 0).length;
  return counts.map((count) => (count === 0 ? 0 : places.length / (present * count)));
}

/**
 * One-hot rows, or for mixed images the two classes weighted by their shares.
 *
 * @param targets [n, classes]
 * @param weights of the classes; each class's target is multiplied by its weight
 */
export function fillTargets(
  targets: Float32Array,
  { labels, mixed }: Pick<Batch, 'labels' | 'mixed'>,
  classes: number,
  weights?: readonly number[],
): void {
  const weightOf = (label: number): number => weights?.[label] ?? 1;
  targets.fill(0);
  labels.forEach((label, i) => {
    targets[i * classes + label] = (1 - (mixed?.share ?? 0)) * weightOf(label);
  });
  mixed?.labels.forEach((label, i) => {
    targets[i * classes + label] += mixed.share * weightOf(label);
  });
}
