import { UserError } from '../base/errors.js';
import { exitsOf, type WithExits, withExits } from '../base/exits.js';
import type { Augmentation } from '../datasets/augmentation/augment.js';
import type { TrainingProgress } from '../run/checkpoint.js';
import type { Config } from '../run/config.js';
import type { EpochMetrics, Run } from '../run/run-directory.js';
import type { TrainingStage } from '../run/stages.js';
import { rateFactor } from './schedules.js';

/** Sums of one branch over the current epoch so far. */
export type BranchSums = Pick<TrainingProgress, 'branchLoss' | 'branchHits'>;

/** One branch in a step report. */
export interface BranchReport {
  /** Means over the current epoch so far. */
  readonly branchLoss: number;
  readonly branchAccuracy: number;
}

/** Argument of `onStep`, after each step. */
export interface StepReport extends WithExits<BranchReport> {
  /** Counts from 1, through all stages. */
  readonly epoch: number;
  /** The last epoch of the run, or of the current stage. */
  readonly epochs: number;
  readonly step: number;
  /** Number of steps in an epoch. */
  readonly steps: number;
  /** Number of images in a step. */
  readonly batchSize: number;
  /** Means over the current epoch so far. */
  readonly fullLoss: number;
  readonly fullAccuracy: number;
}

/** @param steps number of steps in an epoch */
export function stepReport(
  { config: { epochs, batchSize }, epochsBefore = 0 }: Pick<TrainingStage<Run>, 'config' | 'epochsBefore'>,
  progress: TrainingProgress,
  steps: number,
): StepReport {
  const { epoch, step } = progress;
  return {
    epoch: epochsBefore + epoch + 1,
    epochs: epochsBefore + epochs,
    step,
    steps,
    batchSize,
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

/** Progress at the start of an epoch. @param stage if the run has stages */
export function epochStart(epoch: number, totalSteps: number, stage?: number): TrainingProgress {
  const sums = { fullLoss: 0, branchLoss: 0, fullHits: 0, branchHits: 0 };
  return { ...(stage === undefined ? {} : { stage }), epoch, step: 0, totalSteps, ...sums };
}

/** Results of an epoch besides its sums. */
export interface EpochEnd {
  /** Accuracies on the validation images, if there are any: of the full branch, then of each binary one. */
  readonly accuracies: readonly (number | undefined)[];
  /** Number of steps in this process; fewer than an epoch if the run was resumed within it. */
  readonly steps: number;
  readonly seconds: number;
  /** Seconds spent waiting for images, out of the total. */
  readonly waited: number;
}

/** The line of an epoch in `metrics.jsonl`. @param stepsPerEpoch number of steps in a whole epoch */
export function epochMetrics(
  current: Pick<TrainingStage<Run>, 'config' | 'stage' | 'epochsBefore'>,
  progress: TrainingProgress,
  stepsPerEpoch: number,
  { accuracies: [fullAccuracy, ...branchAccuracies], steps, seconds, waited }: EpochEnd,
): EpochMetrics {
  const { config, stage } = current;
  const { lr, schedule, epochs, batchSize, warmup } = config;
  const means = stepReport(current, progress, stepsPerEpoch);
  const branches = exitsOf<BranchReport>(means).map(({ branchLoss, branchAccuracy }, i) => ({
    branchLoss,
    trainBranchAccuracy: branchAccuracy,
    branchAccuracy: branchAccuracies[i],
  }));
  return {
    epoch: means.epoch,
    ...(stage === undefined ? {} : { stage }),
    fullLoss: means.fullLoss,
    trainFullAccuracy: means.fullAccuracy,
    fullAccuracy,
    ...withExits(branches),
    lr: lr * rateFactor(schedule, progress.epoch * stepsPerEpoch, epochs * stepsPerEpoch, warmup),
    imagesPerSecond: (steps * batchSize) / seconds,
    loadingShare: waited / seconds,
  };
}

/** The augmentation of a run's training images. */
export function augmentationOf(config: Config): Augmentation {
  const { shift, shiftFill, flip, flipOrder, crop, jitter, cutout, mixup } = config;
  return { shift, shiftFill, flip, flipOrder, crop, jitter, cutout, mixup };
}

/** Training ended because the loss was no longer finite. */
export class Diverged extends UserError {
  override readonly code = 'ERR_LCDNN_DIVERGED';

  constructor(
    /** The losses, and the step at which they occurred. */
    readonly reason: string,
    advice: string,
  ) {
    super(`${reason}; ${advice}`);
  }
}

/** @param losses of the full branch and of a binary one in the step after `progress` */
export function diverged(
  run: Pick<Run, 'path' | 'config'>,
  { epoch, step }: Pick<TrainingProgress, 'epoch' | 'step'>,
  [full, branch]: readonly (number | string)[],
): Diverged {
  return new Diverged(
    `the loss is no longer a number (full ${full}, branch ${branch}) in epoch ${epoch + 1}, step ${step + 1}`,
    `the checkpoint before it is kept in ${run.path}; try a smaller --lr (now ${run.config.lr}) or --branch-lr ` +
      `(now ${run.config.branchLr})`,
  );
}
