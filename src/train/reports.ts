import { UserError } from '../base/errors.js';
import { exitsOf, type WithExits, withExits } from '../base/exits.js';
import type { Augmentation } from '../datasets/augmentation/augment.js';
import type { TrainingProgress } from '../run/checkpoint.js';
import type { Config } from '../run/config.js';
import type { EpochMetrics, Run } from '../run/run-directory.js';
import { rateFactor } from './schedules.js';

/** Sums of one branch over the epoch so far. */
export type BranchSums = Pick<TrainingProgress, 'branchLoss' | 'branchHits'>;

/** What a watcher is told of each branch after every step. */
export interface BranchReport {
  /** Means over the epoch so far. */
  readonly branchLoss: number;
  readonly branchAccuracy: number;
}

/** What a watcher is told after every step. */
export interface StepReport extends WithExits<BranchReport> {
  /** From 1. */
  readonly epoch: number;
  readonly epochs: number;
  readonly step: number;
  readonly steps: number;
  /** Means over the epoch so far. */
  readonly fullLoss: number;
  readonly fullAccuracy: number;
}

/** @param steps of an epoch */
export function stepReport({ epochs, batchSize }: Config, progress: TrainingProgress, steps: number): StepReport {
  const { epoch, step } = progress;
  return {
    epoch: epoch + 1,
    epochs,
    step,
    steps,
    fullLoss: progress.fullLoss / step,
    fullAccuracy: progress.fullHits / (step * batchSize),
    ...withExits(
      exitsOf<BranchSums>(progress).map(({ branchLoss, branchHits }) => ({
        branchLoss: branchLoss / step,
        branchAccuracy: branchHits / (step * batchSize),
      })),
    ),
  };
}

/** Where an epoch begins. */
export function epochStart(epoch: number, totalSteps: number): TrainingProgress {
  return { epoch, step: 0, totalSteps, fullLoss: 0, branchLoss: 0, fullHits: 0, branchHits: 0 };
}

/** What an epoch gave besides its sums. */
export interface EpochEnd {
  /** On the validation images: of the full branch, then of each binary one. */
  readonly accuracies: readonly number[];
  /** Done now, by a run that may have been resumed in mid-epoch. */
  readonly steps: number;
  readonly seconds: number;
  /** Seconds of these spent waiting for images. */
  readonly waited: number;
}

/** The line of an epoch in `metrics.jsonl`. @param stepsPerEpoch of a whole epoch */
export function epochMetrics(
  config: Config,
  progress: TrainingProgress,
  stepsPerEpoch: number,
  { accuracies: [fullAccuracy, ...branchAccuracies], steps, seconds, waited }: EpochEnd,
): EpochMetrics {
  const { lr, schedule, epochs, batchSize, warmup } = config;
  const means = stepReport(config, progress, stepsPerEpoch);
  const branches = exitsOf<BranchReport>(means).map(({ branchLoss, branchAccuracy }, i) => ({
    branchLoss,
    trainBranchAccuracy: branchAccuracy,
    branchAccuracy: branchAccuracies[i],
  }));
  return {
    epoch: progress.epoch + 1,
    fullLoss: means.fullLoss,
    trainFullAccuracy: means.fullAccuracy,
    fullAccuracy,
    ...withExits(branches),
    lr: lr * rateFactor(schedule, progress.epoch * stepsPerEpoch, epochs * stepsPerEpoch, warmup),
    imagesPerSecond: (steps * batchSize) / seconds,
    loadingShare: waited / seconds,
  };
}

/** How a run varies its training images. */
export function augmentationOf({ shift, flip, crop, jitter, cutout, mixup }: Config): Augmentation {
  return { shift, flip, crop, jitter, cutout, mixup };
}

/** Training ended at a loss that is no number. */
export class Diverged extends UserError {
  constructor(
    /** Losses and place. */
    readonly reason: string,
    advice: string,
  ) {
    super(`${reason}; ${advice}`);
  }
}

/** @param losses those of the full branch and of a binary one in the step after `progress` */
export function diverged(
  run: Run,
  { epoch, step }: Pick<TrainingProgress, 'epoch' | 'step'>,
  [full, branch]: readonly (number | string)[],
): Diverged {
  return new Diverged(
    `the loss is no longer a number (full ${full}, branch ${branch}) in epoch ${epoch + 1}, step ${step + 1}`,
    `the checkpoint before it is kept in ${run.path}; try a smaller --lr (now ${run.config.lr}) or --branch-lr ` +
      `(now ${run.config.branchLr})`,
  );
}
