import type { Config } from '../run/config.js';
import { type EpochMetrics, openRun, readMetrics, runFile } from '../run/run-directory.js';
import { findPython } from '../train/pytorch/find-python.js';
import { launchOf } from '../train/pytorch/launch.js';
import { joinTraining } from '../train/pytorch/train-in-python.js';
import type { WarmStart } from '../train/warm-start/warm-start.js';
import { type NewRunOptions, newRunConfig, newRunPath } from './new-run.js';
import { extensionNote, openResumed } from './open-resumed.js';
import type { DataOptions } from './run-data.js';
import { type PytorchOptions, type TrainedRun, type TrainingEvents, trainRun } from './train-run.js';

/** How a run is computed; none of this changes its result beyond rounding. */
export interface ComputeOptions extends DataOptions, TrainingEvents {
  /** Threads that load images ahead of training; 0: none. Default: chosen to suit the data. */
  readonly loaders?: number;
  readonly pytorch?: PytorchOptions;
}

export interface TrainOptions extends NewRunOptions, ComputeOptions {
  /** Largest page in bytes, if the options have `attach: 'auto'`. Default: 400 KB. */
  readonly budget?: number;
}

export interface ResumeOptions extends ComputeOptions {
  /** Only `engine`, `device` and `precision` may differ from the run's own options, `epochs`, and stages to come. */
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
  const note = extensionNote(openRun(path).config, run.config);
  if (note !== undefined) options.onNote?.(note);
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
