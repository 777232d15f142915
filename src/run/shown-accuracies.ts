import { exitsOf, type WithExits, withExits } from '../base/exits.js';
import type { EpochMetrics } from './run-directory.js';

/** Losses and accuracies of an epoch, of the full network and of each branch. */
export interface ShownAccuracies extends WithExits<{ readonly branchLoss: number; readonly branchAccuracy: number }> {
  /** The images of the accuracies: those for training in a run that keeps none for validation. */
  readonly on: 'validation' | 'training';
  readonly fullLoss: number;
  readonly fullAccuracy: number;
}

/** What people are shown of an epoch. */
export function shownAccuracies(metrics: EpochMetrics): ShownAccuracies {
  const { fullLoss, fullAccuracy = metrics.trainFullAccuracy } = metrics;
  const branches = exitsOf<Pick<EpochMetrics, 'branchLoss' | 'branchAccuracy' | 'trainBranchAccuracy'>>(metrics).map(
    ({ branchLoss, trainBranchAccuracy, branchAccuracy = trainBranchAccuracy }) => ({ branchLoss, branchAccuracy }),
  );
  const on = metrics.fullAccuracy === undefined ? 'training' : 'validation';
  return { on, fullLoss, fullAccuracy, ...withExits(branches) };
}
