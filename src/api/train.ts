import { isDeepStrictEqual } from 'node:util';
import { UserError } from '../base/errors.js';
import { type Config, resolveConfig } from '../run/config.js';
import { optionText } from '../run/option-text.js';
import { type EpochMetrics, openRun, type Run, readMetrics, runFile } from '../run/run-directory.js';
import { findPython } from '../train/pytorch/find-python.js';
import { launchOf } from '../train/pytorch/launch.js';
import { joinTraining } from '../train/pytorch/train-in-python.js';
import { rateFactor } from '../train/schedules.js';
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

export interface TrainOptions extends NewRunOptions, ComputeOptions {
  /** Largest page in bytes, if the options have `attach: 'auto'`. Default: 400 KB. */
  readonly budget?: number;
}

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
  const before = openRun(path).config;
  if (run.config.epochs !== before.epochs) options.onNote?.(extensionNote(before, run.config));
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
 * A run to continue. It keeps its own options, because any other would make it another run. Only what computes it may
 * change, and then sums round differently; and it may train for more epochs.
 *
 * @throws UserError if another option differs, or the run has trained for as many epochs already
 */
export function openResumed(path: string, options: Partial<Config> = {}): Run {
  const opened = openRun(path);
  const given = withClassNames(options);
  const { engine = opened.config.engine, device = opened.config.device, precision = opened.config.precision } = given;
  const config = { ...opened.config, engine, device, precision };
  const { epochs = config.epochs } = given;
  const run = { ...opened, config: epochs === config.epochs ? config : extendedConfig({ ...opened, config }, epochs) };
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined && !isDeepStrictEqual(value, run.config[name as keyof Config])) {
      throw new UserError(
        `--resume ${path} goes on with ${name} ${optionText(run.config[name as keyof Config])}, found ${optionText(value)}; ` +
          'leave the option out, or train anew with another --out',
      );
    }
  }
  return run;
}

/** A run's config with another number of epochs: its schedule is stretched over them from now on. */
function extendedConfig(run: Run, epochs: number): Config {
  const { config } = run;
  if (config.stages) {
    throw new UserError(`--resume ${run.path} --epochs: expected a run without stages, found ${config.stages.length}`);
  }
  const epoch = readMetrics(run).at(-1)?.epoch ?? 0;
  if (!(epochs > epoch)) {
    throw new UserError(
      `--resume ${run.path} --epochs: expected more than the ${epoch} epochs so far, found ${epochs}`,
    );
  }
  return resolveConfig({
    ...config,
    epochs,
    extended: [...(config.extended ?? []), { epoch, planned: config.epochs }],
  });
}

/** What happens to the learning rate of an extended run. */
function extensionNote(before: Config, { schedule, epochs, warmup, lr, extended = [] }: Config): string {
  const { epoch } = extended[extended.length - 1];
  const rate = (at: number, of: number): string => (lr * rateFactor(schedule, at, of, warmup)).toPrecision(2);
  const last = epoch === 0 ? '' : ` (epoch ${epoch} began at ${rate(epoch - 1, before.epochs)})`;
  return (
    `${epochs} epochs instead of ${before.epochs}: the ${schedule} schedule is stretched over all of them, so the ` +
    `learning rate goes on at ${rate(epoch, epochs)}${last}`
  );
}
