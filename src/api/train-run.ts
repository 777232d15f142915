import { existsSync } from 'node:fs';
import { UserError } from '../base/errors.js';
import { removeTemporaries } from '../base/files.js';
import { type Interruption, listenForInterruption } from '../base/interruption.js';
import type { TrainingDisplay } from '../cli/training-display.js';
import { requireBatch } from '../datasets/batches.js';
import type { Dataset } from '../datasets/dataset.js';
import { createLoader } from '../datasets/loading/create-loader.js';
import { splitTrainValidation } from '../datasets/split.js';
import type { Checkpoint } from '../run/checkpoint.js';
import type { Config } from '../run/config.js';
import { lockRun } from '../run/lock.js';
import {
  createRun,
  networkOf,
  type Run,
  readRunCheckpoint,
  requireFitting,
  runFile,
  writeConfig,
} from '../run/run-directory.js';
import { createEngine, PYTORCH } from '../train/engines/index.js';
import { findPython, type Python } from '../train/pytorch/find-python.js';
import { type Launch, launchOf } from '../train/pytorch/launch.js';
import { trainInPython } from '../train/pytorch/train-in-python.js';
import { readTeacher } from '../train/read-teacher.js';
import { augmentationOf } from '../train/reports.js';
import { optimizerSlots } from '../train/step.js';
import { type TrainOptions, train } from '../train/train.js';
import { startState, type WarmStart } from '../train/warm-start/warm-start.js';
import { loadRunDataset } from './open-trained.js';

export interface TrainRunOptions {
  /** Where the run is created, and its options. */
  readonly path: string;
  readonly config: Config;
  /** The run to go on with instead; then its own path and options count. */
  readonly resumed?: Run;
  /** Folder of the data set's files that the user names now. */
  readonly dataDir?: string;
  /** Threads that load images ahead of training; what suits the data unless given. */
  readonly loaders?: number;
  readonly display: TrainingDisplay;
  /** For engine pytorch. */
  readonly pytorch?: PytorchOptions;
}

export interface PytorchOptions {
  /** The Python that has it; looked for unless given. */
  readonly python?: string;
  /** One process unless given. */
  readonly launch?: Launch;
}

export interface TrainedRun {
  readonly run: Run;
  /** Set where Ctrl-C (130) or SIGTERM (143) ended training: a checkpoint is saved, the command exits with it. */
  readonly exitCode?: number;
  /** What a warm start took, where the run began with one now. */
  readonly warmStart?: WarmStart;
}

/**
 * Trains a run to its last epoch, or until a signal: what `train` does, and `ablate` for each of its variants.
 *
 * @throws UserError where data, network or engine don't fit, before anything is written; `Diverged` as `train` does.
 */
export async function trainRun(options: TrainRunOptions): Promise<TrainedRun> {
  const { path, resumed, display } = options;
  const config = resumed?.config ?? options.config;
  const inPython = config.engine === PYTORCH;
  requireEngineFor(config);
  const python = inPython ? await findPython(options.pytorch?.python, config.device) : undefined;
  // Python decodes no images: it is given packed ones.
  const dataset = await loadRunDataset(inPython ? { ...config, cache: true } : config, options.dataDir);
  requireImages(config, dataset);
  if (resumed) requireFitting(resumed, dataset);
  const compute = python
    ? inPythonBy(python, options.pytorch?.launch ?? launchOf({}, config))
    : await hereBy(config, dataset, options.loaders);

  let unlock = (): void => {};
  let interruption: Interruption | undefined;
  try {
    const network = resumed?.network ?? networkOf(config, dataset.shape, dataset.labels.length);
    if (resumed) unlock = lockRun(resumed);
    const checkpoint = resumed && startedCheckpoint(resumed);
    const teacher = readTeacher(config, network);
    const { state, warmStart } = checkpoint ? { state: undefined } : startState(config, network);
    const run = resumed ?? createRun(path, config, network);
    if (resumed) writeConfig(resumed);
    else unlock = lockRun(run);
    interruption = listenForInterruption();
    display.start(run, checkpoint?.progress, warmStart);
    await compute.train({
      run,
      dataset,
      checkpoint,
      start: state,
      teacher,
      signal: interruption.signal,
      onStep: display.step,
      onEpoch: display.epoch,
    });
    return { run, warmStart, exitCode: interruption.exitCode() };
  } finally {
    display.stop();
    unlock();
    interruption?.stop();
    await compute.close();
  }
}

/** What trains a run. */
interface Compute {
  train(options: Omit<TrainOptions, 'engine' | 'loader'>): Promise<unknown>;
  close(): Promise<void>;
}

async function hereBy(config: Config, dataset: Dataset, loaders: number | undefined): Promise<Compute> {
  const engine = await createEngine(config.engine, config.device);
  const loader = createLoader(dataset, augmentationOf(config), loaders);
  return {
    train: (options) => train({ ...options, engine, loader }),
    async close() {
      await loader.close();
      await engine.dispose();
    },
  };
}

function inPythonBy(python: Python, launch: Launch): Compute {
  return {
    train: (options) => trainInPython({ ...options, python, launch }),
    async close() {},
  };
}

/** @throws UserError where the engine can't train this at all */
function requireEngineFor({ engine, precision, teacher }: Config): void {
  if (teacher !== undefined && engine === PYTORCH) {
    throw new UserError(`engine ${PYTORCH}: expected no teacher, found ${teacher}; another engine has it`);
  }
  if (precision === 'float32' || engine === PYTORCH) return;
  throw new UserError(`engine ${engine}: expected precision float32, found ${precision}; it takes --engine ${PYTORCH}`);
}

/** Says that an engine can't start here, before anything is written. @throws UserError */
export async function requireEngine(config: Config, python: string | undefined): Promise<void> {
  requireEngineFor(config);
  if (config.engine === PYTORCH) await findPython(python, config.device);
  else await (await createEngine(config.engine, config.device)).dispose();
}

/** Says what the data can't give before anything is written. */
export function requireImages({ validation, batchSize, seed }: Config, dataset: Dataset): void {
  requireBatch(splitTrainValidation(dataset.train.labels, validation, seed).train.length, batchSize);
}

/** Where a run stopped; nothing where it was killed before its first checkpoint, and starts again. */
export function startedCheckpoint(run: Run): Checkpoint | undefined {
  removeTemporaries(run.path);
  if (!existsSync(runFile(run, 'checkpoint'))) return undefined;
  const checkpoint = readRunCheckpoint(run);
  for (const { name, parameter } of optimizerSlots(run.network, run.config.optimizer, run.config.freezeFull)) {
    if (checkpoint.state[name]?.shape.join() === parameter.shape.join()) continue;
    throw new UserError(
      `${runFile(run, 'checkpoint')}: expected ${name} of shape [${parameter.shape}] for ${run.config.optimizer}, ` +
        'found none; its config.json was changed, or it is a checkpoint of another run',
    );
  }
  return checkpoint;
}
