import type { Batch } from '../datasets/batches.js';

/** One-hot rows, or for mixed images the two classes weighted by their shares. @param targets [n, classes] */
export function fillTargets(
  targets: Float32Array,
  { labels, mixed }: Pick<Batch, 'labels' | 'mixed'>,
  classes: number,
): void {
  targets.fill(0);
  labels.forEach((label, i) => {
    targets[i * classes + label] = 1 - (mixed?.share ?? 0);
  });
  mixed?.labels.forEach((label, i) => {
    targets[i * classes + label] += mixed.share;
  });
}
