import { existsSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { UserError } from '../base/errors.js';
import { removeTemporaries } from '../base/files.js';
import type { Dataset } from '../datasets/dataset.js';
import { IMAGE_FOLDERS } from '../datasets/image-folder/load-image-folder.js';
import { inspectData } from '../datasets/inspect/inspect-data.js';
import type { DataReport } from '../datasets/inspect/report.js';
import { createLoader } from '../datasets/loading/create-loader.js';
import { splitTrainValidation } from '../datasets/split.js';
import { openFrozenLayers } from '../export/frozen-layers.js';
import { writeReport } from '../report/write-report.js';
import type { Checkpoint, TrainingProgress } from '../run/checkpoint.js';
import { type Config, choosesEpoch } from '../run/config.js';
import { writeDataRecord } from '../run/data-record.js';
import { lockRun } from '../run/lock.js';
import { bestEpoch, isOutOfPatience } from '../run/patience.js';
import { removeResults } from '../run/results.js';
import {
  type EpochMetrics,
  networkOf,
  type Run,
  readMetrics,
  readRunCheckpoint,
  requireFitting,
  runFile,
  writeConfig,
} from '../run/run-directory.js';
import { currentStage, stageOfEpoch, trainingStages } from '../run/stages.js';
import { chanceAdvice, chanceOf } from '../train/chance-advice.js';
import { createEngine, PYTORCH } from '../train/engines/index.js';
import type { OnViews } from '../train/frozen/compute-features.js';
import { findPython, type Python } from '../train/pytorch/find-python.js';
import { chosenPrecision } from '../train/pytorch/job.js';
import { type Launch, launchOf } from '../train/pytorch/launch.js';
import { trainInPython } from '../train/pytorch/train-in-python.js';
import { readTeacher } from '../train/read-teacher.js';
import { augmentationOf, type StepReport } from '../train/reports.js';
import { splitByConfig } from '../train/split-by-config.js';
import { optimizerSlots } from '../train/step.js';
import { type TrainingOptions, trainNetwork } from '../train/train.js';
import { requireTrainSizes } from '../train/train-size.js';
import { trainStages } from '../train/train-stages.js';
import { requireMemory } from '../train/training-memory.js';
import type { WarmStart } from '../train/warm-start/warm-start.js';
import { AUTO, attachmentTable, chooseAttachment } from './choose-attachment.js';
import { createRecordedRun, type DataOptions, dataRecord, loadNewData, loadRunData, type RunData } from './run-data.js';
import { checkedStart } from './start-state.js';

/** What a caller can follow of a training, and the signal that ends it. */
export interface TrainingEvents {
  /** Aborting saves a checkpoint after the current step and ends training. */
  readonly signal?: AbortSignal;
  /** Called when the run is created or opened and training begins. */
  readonly onStart?: (start: TrainingStart) => void;
  /** Called with what the user should know: a stage that begins, a part of PyTorch that is missing. */
  readonly onNote?: (text: string) => void;
  /** Called with a report on the images of a folder, before a new run is created. */
  readonly onData?: (report: DataReport) => void;
  /** With `views`: called while the frozen layers compute, with the number of views. */
  readonly onViews?: OnViews;
  /** Called after every step. */
  readonly onStep?: (report: StepReport) => void;
  /** Called after every epoch. */
  readonly onEpoch?: (metrics: EpochMetrics) => void;
  /** Called when a training that began has ended or failed. */
  readonly onEnd?: () => void;
}

export interface TrainingStart {
  readonly run: Run;
  /** Set if the run continues from a checkpoint. */
  readonly resumedFrom?: TrainingProgress;
  /** Set if the run starts from a trained network. */
  readonly warmStart?: WarmStart;
}

/** For engine pytorch: its processes and machines. Default: one process. */
export interface PytorchOptions extends Partial<Launch> {
  /** Path of a Python with torch, numpy and safetensors. Default: looked up on the PATH. */
  readonly python?: string;
}

export interface TrainRunOptions extends DataOptions, TrainingEvents {
  /** Where the run is created, and its options. */
  readonly path: string;
  readonly config: Config;
  /** The run to continue. If given, its path and options apply. */
  readonly resumed?: Run;
  /** Largest page in bytes, if the config has `attach: 'auto'`. Default: 400 KB. */
  readonly budget?: number;
  /** Threads that load images ahead of training. Default: chosen to suit the data. */
  readonly loaders?: number;
  readonly pytorch?: PytorchOptions;
}

export interface TrainedRun {
  readonly run: Run;
  /** Whether the signal ended training before the last epoch. */
  readonly interrupted: boolean;
  /** Set if the run started from a trained network just now. */
  readonly warmStart?: WarmStart;
}

/**
 * Trains a run to its last epoch or until the signal, and writes its report.
 *
 * @throws UserError if data, network or engine don't fit, before anything is written; `Diverged` as `train` does
 */
export async function trainRun(options: TrainRunOptions): Promise<TrainedRun> {
  const { path, signal, onNote, onViews, onStep, onEpoch } = options;
  const given = options.resumed?.config ?? options.config;
  const inPython = given.engine === PYTORCH;
  requireEngineFor(given);
  const python = inPython ? await findPython(options.pytorch?.python, given.device) : undefined;
  // The run records what it was trained with.
  const planned = { ...given, precision: chosenPrecision(given.precision, python?.bfloat16) };
  const resumed = options.resumed && { ...options.resumed, config: planned };
  // Python decodes no images, and each view would decode its image again.
  const toLoad = inPython || planned.views > 1 ? { ...planned, cache: true } : planned;
  const { dataset, changes }: RunData = resumed
    ? await loadRunData({ ...resumed, config: toLoad }, options)
    : { dataset: await loadNewData(toLoad, options) };
  requireImages(planned, dataset);
  // Data sets of the catalogue are known, and large: only folders are inspected each time.
  if (!resumed && dataset.folder && options.onData) options.onData(await inspectData(dataset, planned));
  if (resumed) requireFitting(resumed, dataset);
  const config = await withAttachment(planned, dataset, options);
  const trainer = python
    ? pythonTrainer(python, launchOf(options.pytorch, config))
    : await inProcessTrainer(config, dataset, options.loaders);

  let unlock = (): void => {};
  try {
    const network = resumed?.network ?? networkOf(config, dataset.shape, dataset.labels.length);
    if (resumed) unlock = lockRun(resumed);
    requireTrainSizes(config, network);
    const checkpoint = resumed && startedCheckpoint(resumed);
    const teacher = readTeacher(config, network);
    const { state: start, warmStart } = checkpoint
      ? { state: undefined }
      : await checkedStart(config, network, dataset);
    if (!inPython && config.device === 'cpu') {
      for (const stage of trainingStages({ config: fittingBatches(config, dataset), network })) {
        requireMemory(stage.network, stage.config);
      }
    }
    const run = resumed ?? createRecordedRun(path, config, network, dataset);
    if (changes) writeDataRecord(run, dataRecord(dataset, config));
    if (resumed) writeConfig(resumed);
    else unlock = lockRun(run);
    options.onStart?.({ run, resumedFrom: checkpoint?.progress, warmStart });
    const fitting = { ...run, config: fittingBatches(run.config, dataset, onNote) };
    const split = splitByConfig(dataset.train, config);
    const chance = chanceOf(Array.from(split.choosing, (index) => dataset.train.labels[index]));
    const outcome = await trainer.train({
      ...{ run: fitting, dataset, checkpoint, start, teacher, signal },
      ...{
        openFrozenLayers,
        onNote,
        onViews,
        onStep,
        onEpoch: (metrics) => {
          onEpoch?.(metrics);
          const { config: trained, epochsBefore = 0 } = stageOfEpoch(fitting, metrics.epoch);
          const advice = chanceAdvice({ ...metrics, epoch: metrics.epoch - epochsBefore }, trained, chance);
          if (advice !== undefined) onNote?.(advice);
        },
      },
    });
    const isChanged = checkpoint && !isDeepStrictEqual(checkpoint.progress, readRunCheckpoint(run).progress);
    if (isChanged && removeResults(run)) {
      onNote?.('the thresholds and results of the network before are removed; run tune-tau and evaluate again');
    }
    const end = endNote(run);
    if (end !== undefined && outcome === 'done') onNote?.(end);
    writeReport(run);
    return { run, warmStart, interrupted: outcome === 'interrupted' };
  } finally {
    options.onEnd?.();
    unlock();
    await trainer.close();
  }
}

/** The config with a chosen attachment instead of `auto`. */
async function withAttachment(
  config: Config,
  dataset: Dataset,
  { budget, onNote }: Pick<TrainRunOptions, 'budget' | 'onNote'>,
): Promise<Config> {
  if (config.attach !== AUTO) {
    if (budget === undefined) return config;
    throw new UserError(`budget: expected attach ${AUTO} with it, found attach ${config.attach}`);
  }
  const chosen = await chooseAttachment(config, dataset, budget);
  onNote?.(attachmentTable(chosen));
  return { ...config, attach: chosen.attach };
}

/** Trains in this process or in a Python. */
interface Trainer {
  train(options: Omit<TrainingOptions, 'engine' | 'loader'>): Promise<'done' | 'interrupted'>;
  close(): Promise<void>;
}

async function inProcessTrainer(config: Config, dataset: Dataset, loaders: number | undefined): Promise<Trainer> {
  const engine = await createEngine(config.engine, config.device);
  const loader = createLoader(dataset, augmentationOf(config), loaders);
  return {
    train: (options) => trainStages(options.run, options, (stage) => trainNetwork({ ...stage, engine, loader })),
    async close() {
      await loader.close();
      await engine.dispose();
    },
  };
}

function pythonTrainer(python: Python, launch: Launch): Trainer {
  return {
    train: (options) => trainStages(options.run, options, (stage) => trainInPython({ ...stage, python, launch })),
    async close() {},
  };
}

/** @throws UserError if the engine doesn't support these options */
function requireEngineFor(config: Config): void {
  const { engine, precision, teacher } = config;
  if (config.views > 0) requireViews(config);
  else if (config.fineTune > 0 || config.stages?.some((stage) => stage.fineTune)) {
    throw new UserError(
      'fineTune: expected frozen layers before the blocks, found views 0; give --init-from and --views',
    );
  }
  if (config.attach === AUTO && config.views === 0) {
    throw new UserError(
      `attach ${AUTO}: expected frozen layers to look at, found views 0; give --init-from and --views, or a layer`,
    );
  }
  if (teacher !== undefined && engine === PYTORCH) {
    throw new UserError(`engine ${PYTORCH}: expected no teacher, found ${teacher}; another engine has it`);
  }
  for (const name of ['trainSize', 'dropout'] as const) {
    const value = [config, ...(config.stages ?? [])].map((stage) => stage[name]).find((given) => given);
    if (value && engine !== PYTORCH) {
      throw new UserError(`engine ${engine}: expected ${name} 0, found ${value}; it takes --engine ${PYTORCH}`);
    }
  }
  if (precision !== 'bfloat16' || engine === PYTORCH) return;
  throw new UserError(`engine ${engine}: expected precision float32, found ${precision}; it takes --engine ${PYTORCH}`);
}

/** @throws UserError if another option needs the images that `views` replaces by features */
function requireViews({ engine, branch, teacher, stages = [], ...config }: Config): void {
  const trained = [config, ...stages];
  const recalibration = trained.find((stage) => stage.recalibration)?.recalibration ?? 0;
  const mixup = trained.find((stage) => stage.mixup)?.mixup ?? 0;
  const wrong = [
    ...(engine === PYTORCH ? [`engine ${engine}`] : []),
    ...(branch === 'none' ? ['branch none'] : []),
    ...(teacher === undefined ? [] : [`teacher ${teacher}`]),
    ...(recalibration > 0 ? [`recalibration ${recalibration}`] : []),
    ...(mixup > 0 ? [`mixup ${mixup}`] : []),
  ];
  if (wrong.length === 0) return;
  throw new UserError(
    `views: expected only options that work on the outputs of frozen layers, found ${wrong.join(' and ')}; leave ` +
      `${wrong.length === 1 ? 'it' : 'them'} out, or give --views 0 to train on images`,
  );
}

/** Checks that the engine can start on this machine, before anything is written. @throws UserError if it can't */
export async function requireEngine(config: Config, python: string | undefined): Promise<void> {
  requireEngineFor(config);
  if (config.engine === PYTORCH) await findPython(python, config.device);
  else await (await createEngine(config.engine, config.device)).dispose();
}

/** LeNet has no layer that makes photographs small: its first dense layer would have billions of weights. */
const LARGEST_LENET = 64;

/** Checks that the network suits the images, and that some are left to train on. @throws UserError if not */
export function requireImages(config: Config, dataset: Dataset): void {
  const { network, dataset: name } = config;
  const [height, width] = dataset.shape;
  if (
    network === 'lenet' &&
    IMAGE_FOLDERS.some((folder) => folder === name) &&
    Math.max(height, width) > LARGEST_LENET
  ) {
    throw new UserError(
      `network lenet: expected images of up to ${LARGEST_LENET}x${LARGEST_LENET} pixels, found ${height}x${width}; give ` +
        '--network resnet18 or --network mobilenet-v2 for photographs, or --image-size 32 for simple pictures',
    );
  }
  splitByConfig(dataset.train, config);
}

/** Which epoch's weights are kept, and why training ended, if these weren't the last epoch and the number of epochs. */
function endNote(run: Run): string | undefined {
  const { config } = run;
  if (!choosesEpoch(config)) return undefined;
  const metrics = readMetrics(run);
  const best = bestEpoch(metrics);
  const parts = [
    ...(isOutOfPatience(config, metrics) ? [`no epoch was better for ${config.patience}, so training ends`] : []),
    ...(config.keep === 'best' && best ? [`the weights of epoch ${best.epoch} are kept`] : []),
    'epochs were compared on one half of the validation images; tune-tau uses the other half',
  ];
  return parts.join('; ');
}

/** The config with batches of all training images at most. */
function fittingBatches(config: Config, dataset: Dataset, onNote?: TrainRunOptions['onNote']): Config {
  const { batchSize, stages, validation, seed } = config;
  const count = splitTrainValidation(dataset.train, validation, seed).train.length;
  const largest = Math.max(batchSize, ...(stages ?? []).map((stage) => stage.batchSize ?? 0));
  if (largest <= count) return config;
  onNote?.(`batch size ${count} instead of ${largest}, because there are only ${count} training images`);
  const capped = <Sized extends { readonly batchSize?: number }>(sized: Sized): Sized =>
    sized.batchSize === undefined || sized.batchSize <= count ? sized : { ...sized, batchSize: count };
  return { ...capped(config), stages: stages?.map(capped) };
}

/** The checkpoint to continue from; undefined if the run was killed before its first one and starts again. */
export function startedCheckpoint(run: Run): Checkpoint | undefined {
  removeTemporaries(run.path);
  if (!existsSync(runFile(run, 'checkpoint'))) return undefined;
  const checkpoint = readRunCheckpoint(run);
  const { config, network } = currentStage(run, checkpoint.progress);
  for (const { name, parameter } of optimizerSlots(network, config)) {
    if (checkpoint.state[name]?.shape.join() === parameter.shape.join()) continue;
    throw new UserError(
      `${runFile(run, 'checkpoint')}: expected ${name} of shape [${parameter.shape}] for ${config.optimizer}, ` +
        'found none; its config.json was changed, or it is a checkpoint of another run',
    );
  }
  return checkpoint;
}
