import { isDeepStrictEqual } from 'node:util';
import { UserError } from '../base/errors.js';
import type { Config } from '../run/config.js';
import { type EpochMetrics, openRun, type Run, readMetrics, runFile } from '../run/run-directory.js';
import { findPython } from '../train/pytorch/find-python.js';
import { launchOf } from '../train/pytorch/launch.js';
import { joinTraining } from '../train/pytorch/train-in-python.js';
import type { WarmStart } from '../train/warm-start/warm-start.js';
import { type NewRunOptions, newRunConfig, newRunPath, withClassNames } from './new-run.js';
import type { DataOptions } from './run-data.js';
import { type PytorchOptions, type TrainedRun, type TrainingEvents, trainRun } from './train-run.js';

/** How a run is computed; none of this changes its result beyond rounding. */
export interface ComputeOptions extends DataOptions, TrainingEvents {
  /** Threads that load images ahead of training; 0: none. Default: chosen to suit the data. */
  readonly loaders?: number;
  readonly pytorch?: PytorchOptions;
}

export type TrainOptions = NewRunOptions & ComputeOptions;

export interface ResumeOptions extends ComputeOptions {
  /** Only `engine`, `device` and `precision` may differ from the run's own options. */
  readonly options?: Partial<Config>;
}

export interface TrainResult {
  /** Path of the run directory. */
  readonly run: string;
  /** Path of its checkpoint. */
  readonly checkpoint: string;
  readonly config: Config;
  /** What was taken from a trained network, if the run started from one just now. */
  readonly warmStart?: WarmStart;
  /** Metrics of the last epoch, accuracies on the validation images. */
  readonly validation?: EpochMetrics;
  /** Whether the signal ended training before the last epoch; `resumeTraining` continues it. */
  readonly interrupted: boolean;
}

/**
 * Trains a joint network: the full branch and the binary branch on one shared first convolution (Algorithm 1 of the
 * paper). Writes a run directory with config, network, checkpoint, metrics and a report.
 *
 * @throws UserError if an option is wrong, or data or engine are missing; Diverged if the loss is no longer a number
 * @example
 * await train({ out: 'runs/mnist', options: { dataset: 'mnist', epochs: 20 } });
 */
export async function train(options: TrainOptions): Promise<TrainResult> {
  const config = newRunConfig(options);
  return resultOf(await trainRun({ ...options, path: newRunPath(options, config), config }));
}

/**
 * Continues a run that was interrupted, with the same result, bit for bit, as without the interruption.
 *
 * @throws UserError if the folder is not a run, or an option differs from the run's; Diverged as `train`
 */
export async function resumeTraining(path: string, options: ResumeOptions = {}): Promise<TrainResult> {
  const run = openResumed(path, options.options);
  return resultOf(await trainRun({ ...options, path: run.path, config: run.config, resumed: run }));
}

/** Joins, as another machine than the first (`nodeRank` above 0), a training that the first machine starts. */
export async function joinTrainingOf(run: string, config: Config, pytorch: PytorchOptions): Promise<void> {
  const launch = launchOf(pytorch, config);
  await joinTraining(run, await findPython(pytorch.python, config.device), launch);
}

/** A training as plain data. */
export function resultOf({ run, warmStart, interrupted }: TrainedRun): TrainResult {
  const { path, config } = run;
  return {
    run: path,
    checkpoint: runFile(run, 'checkpoint'),
    config,
    warmStart,
    validation: readMetrics(run).at(-1),
    interrupted,
  };
}

/**
 * A run to continue. It keeps its own options, because any other would make it another run; only what computes it may
 * change, and then sums round differently.
 *
 * @throws UserError if another option differs
 */
export function openResumed(path: string, options: Partial<Config> = {}): Run {
  const opened = openRun(path);
  const given = withClassNames(options);
  const { engine = opened.config.engine, device = opened.config.device, precision = opened.config.precision } = given;
  const run = { ...opened, config: { ...opened.config, engine, device, precision } };
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined && !isDeepStrictEqual(value, run.config[name as keyof Config])) {
      throw new UserError(
        `--resume ${path} goes on with ${name} ${run.config[name as keyof Config]}, found ${value}; ` +
          'leave the option out, or train anew with another --out',
      );
    }
  }
  return run;
}
