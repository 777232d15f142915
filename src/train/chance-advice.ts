import { exitsOf } from '../base/exits.js';
import { percent } from '../base/format.js';
import type { Config } from '../run/config.js';
import type { EpochMetrics } from '../run/run-directory.js';
import { shownAccuracies } from '../run/shown-accuracies.js';
import type { BranchReport } from './reports.js';

/** Epochs before a network that has learned nothing is reported. */
const EPOCHS = 3;
/** With fewer images, luck looks like learning and the other way round. */
const FEWEST_IMAGES = 30;

/** What chance can reach. */
export interface Chance {
  /** Share of the most frequent class among the validation images: a network that always answers it has this accuracy. */
  readonly share: number;
  /** Number of validation images. */
  readonly images: number;
}

export function chanceOf(labels: ArrayLike<number>): Chance {
  const counts = new Map<number, number>();
  for (const label of Array.from(labels)) counts.set(label, (counts.get(label) ?? 0) + 1);
  return { share: Math.max(0, ...counts.values()) / Math.max(1, labels.length), images: labels.length };
}

/**
 * After a few epochs: which part of the network is no better than chance, in training and in validation, and what to
 * change. Nothing is returned if all parts have learned something, or it is too early to tell.
 *
 * @param metrics of an epoch, counted from the start of its stage if the run has stages
 * @param config of that stage
 */
export function chanceAdvice(metrics: EpochMetrics, config: Config, { share, images }: Chance): string | undefined {
  const { on, fullAccuracy, ...shown } = shownAccuracies(metrics);
  if (metrics.epoch !== EPOCHS || images < FEWEST_IMAGES || on === 'training') return undefined;
  const most = share + 2 * Math.sqrt((share * (1 - share)) / images);
  const isAtChance = (training: number, validation: number): boolean => training <= most && validation <= most;
  const what = `after ${EPOCHS} epochs (always answering the most frequent class reaches ${percent(share)})`;
  if (!config.freezeFull && isAtChance(metrics.trainFullAccuracy, fullAccuracy)) {
    return (
      `the full network is at chance ${what}: try a smaller --lr (now ${config.lr}), start from a trained network ` +
      '(--init-from), or choose a --network and an --image-size that fit each other'
    );
  }
  if (config.branch === 'none') return undefined;
  const training = exitsOf<{ readonly trainBranchAccuracy: number }>(metrics);
  const stuck = exitsOf<BranchReport>(shown).filter(({ branchAccuracy }, i) =>
    isAtChance(training[i].trainBranchAccuracy, branchAccuracy),
  );
  if (stuck.length === 0) return undefined;
  return (
    `${stuck.length === 1 ? 'a branch is' : `${stuck.length} branches are`} at chance ${what}: try another --branch-lr ` +
    `(now ${config.branchLr}), --distillation 1, a wider --branch, or an --attach further back`
  );
}
