import type { NamedArrays } from '../base/tensors.js';
import type { Dataset } from '../datasets/dataset.js';
import type { Loader } from '../datasets/loading/loader.js';
import { deployedState } from '../network/deployed.js';
import type { OpenFrozenLayers } from '../network/head.js';
import type { InputShapes } from '../onnx/trace.js';
import { type Checkpoint, type TrainingProgress, writeCheckpoint } from '../run/checkpoint.js';
import { bestEpoch, isOutOfPatience } from '../run/patience.js';
import { type EpochMetrics, type Run, readMetrics, runFile, writeMetrics } from '../run/run-directory.js';
import type { TrainingStage } from '../run/stages.js';
import { type CompiledStep, compileStep, type Step } from './compile-step.js';
import type { Engine } from './engines/engine.js';
import { countHits, type Logits } from './evaluate.js';
import type { OnViews } from './frozen/compute-features.js';
import { featureSource } from './frozen/feature-source.js';
import { readTeacher } from './read-teacher.js';
import { recalibrate } from './recalibrate.js';
import { epochMetrics, epochStart, type StepReport, stepReport } from './reports.js';
import { splitByConfig } from './split-by-config.js';
import { classWeightsOf } from './targets.js';
import { ofTeacher, type Teacher } from './teacher.js';
import { imageSource, type TrainingSource } from './training-source.js';
import { startState } from './warm-start/warm-start.js';

const SAVE_EVERY_MS = 600_000;

export interface TrainingOptions {
  /** The run, or its current stage. */
  readonly run: TrainingStage<Run>;
  readonly dataset: Dataset;
  readonly engine: Engine;
  /** Loads the batches. Default: the training thread itself, between steps. */
  readonly loader?: Loader;
  /** Where to resume. Without it, training starts from the seed or a warm start. */
  readonly checkpoint?: Checkpoint;
  /** `startState` of the run, if the caller already has it. */
  readonly start?: NamedArrays;
  /** `readTeacher` of the run, if the caller already has it. */
  readonly teacher?: Teacher;
  /** Aborting saves a checkpoint after the current step and ends training. */
  readonly signal?: AbortSignal;
  /** Time between checkpoints within an epoch, in ms: the most work that a crash can lose. Default: ten minutes. */
  readonly saveEvery?: number;
  /** Called with messages for the user, for example when a stage begins. */
  readonly onNote?: (text: string) => void;
  /** Needed for a run with `views`. */
  readonly openFrozenLayers?: OpenFrozenLayers;
  /** With `--views`: called while the frozen layers compute, with the number of views. */
  readonly onViews?: OnViews;
  readonly onStep?: (report: StepReport) => void;
  readonly onEpoch?: (metrics: EpochMetrics) => void;
  /** Called after each epoch with the logits of the validation images. */
  readonly onValidated?: (logits: Logits) => void;
}

/**
 * Algorithm 1: trains the joint network of a run to its last epoch. It saves a checkpoint after each epoch and, in long
 * epochs, every ten minutes. A resumed run gives the same bits as an uninterrupted one.
 *
 * @returns `done`, or `interrupted` if the signal ended it
 * @throws Diverged if the loss is no longer finite; the last good checkpoint is kept
 */
export async function trainNetwork(options: TrainingOptions): Promise<'done' | 'interrupted'> {
  const { run, dataset, engine, loader, checkpoint, signal, saveEvery = SAVE_EVERY_MS } = options;
  const { config, network } = run;
  const places = splitByConfig(dataset.train, config);
  const start: TrainingProgress = checkpoint?.progress ?? epochStart(0, 0, run.stage);
  const state = checkpoint?.state ?? options.start ?? startState(config, network).state;
  const teacher = options.teacher ?? readTeacher(config, network);
  const present = { ...state, ...teacher?.state };
  engine.setState(present);
  const weights = classWeightsOf(config, dataset.train.labels, places.train, network.classes);
  const metrics = readMetrics(run).filter(({ epoch }) => epoch <= (run.epochsBefore ?? 0) + start.epoch);
  let savedAt = performance.now();
  const save = async (progress: TrainingProgress, isBest = false): Promise<void> => {
    const saved = { progress, state: ofTeacher.leaveOut(await engine.getState()) };
    // The best weights first: if the process is killed between the two, the epoch is repeated.
    if (isBest) writeCheckpoint(runFile(run, 'best'), saved);
    writeCheckpoint(runFile(run, 'checkpoint'), saved);
    savedAt = performance.now();
  };
  if (!checkpoint) await save(start);
  const indices = { train: places.train, validation: places.choosing };
  const source =
    config.views > 0
      ? // The branch learns on what is deployed.
        await featureSource({
          ...options,
          ...frozenOf(options),
          network,
          config,
          state: deployedState(network, state),
          indices,
          weights,
          path: run.path,
        })
      : await imageSource(engine, network, config, dataset, indices, loader);
  if (!source) return 'interrupted';
  try {
    return await trainOn(source);
  } finally {
    source.close();
  }

  async function trainOn({ samples, batches, validate, shapes }: TrainingSource): Promise<'done' | 'interrupted'> {
    const stepsPerEpoch = Math.floor(samples / config.batchSize);
    const plannedFirst = config.extended?.[0].planned ?? config.epochs;
    const step = twoStage({ ...options, teacher }, weights, present, plannedFirst * stepsPerEpoch, shapes);
    for (
      let progress = start;
      progress.epoch < config.epochs && !isOutOfPatience(config, metrics);
      progress = epochStart(progress.epoch + 1, progress.totalSteps, run.stage)
    ) {
      const { epoch } = progress;
      const began = performance.now();
      const beganAt = progress.step;
      const waited = { ms: 0 };
      for await (const batch of batches((run.epochsBefore ?? 0) + epoch, progress.step, waited)) {
        progress = await step(batch, progress, stepsPerEpoch);
        options.onStep?.(stepReport(run, progress, stepsPerEpoch));
        if (signal?.aborted) {
          await save(progress);
          return 'interrupted';
        }
        if (performance.now() - savedAt >= saveEvery) await save(progress);
      }
      const seconds = (performance.now() - began) / 1000;
      if (epoch + 1 === config.epochs) await recalibrate(engine, run, dataset, places.train, loader);
      const logits = await validate();
      options.onValidated?.(logits);
      const images = logits.labels.length;
      const accuracy = (of: Float32Array) =>
        images === 0 ? undefined : countHits(of, logits.labels, logits.classes) / images;
      const line = epochMetrics(run, progress, stepsPerEpoch, {
        accuracies: [logits.full, ...logits.branches].map(accuracy),
        steps: progress.step - beganAt,
        seconds,
        waited: waited.ms / 1000,
      });
      metrics.push(line);
      // Metrics first: if the process is killed between the two, resuming drops the lines after the checkpoint.
      writeMetrics(run, metrics);
      const isBest = config.keep === 'best' && bestEpoch(metrics) === line;
      await save(epochStart(epoch + 1, progress.totalSteps, run.stage), isBest);
      options.onEpoch?.(line);
    }
    return 'done';
  }
}

function frozenOf({ run, openFrozenLayers }: TrainingOptions): { openFrozenLayers: OpenFrozenLayers } {
  if (!openFrozenLayers) throw new Error(`${run.path}: a run with views needs openFrozenLayers`);
  return { openFrozenLayers };
}

/**
 * The step of a run: for a share `floatWeights` of all steps the branch has real weights, then binary ones. Each
 * version is compiled when it is first needed.
 *
 * @param steps of the run; of a run that was extended, as it was first planned
 */
function twoStage(
  options: TrainingOptions,
  weights: readonly number[] | undefined,
  state: NamedArrays,
  steps: number,
  shapes: InputShapes,
): Step {
  const switchAt = Math.round(options.run.config.floatWeights * steps);
  let compiled: ({ readonly floatWeights: boolean } & CompiledStep) | undefined;
  return async (batch, progress, stepsPerEpoch) => {
    const floatWeights = progress.totalSteps < switchAt;
    if (compiled?.floatWeights !== floatWeights) {
      // Keeping both would take twice the memory.
      if (compiled) await options.engine.release(compiled.onEngine);
      compiled = { floatWeights, ...(await compileStep(options, weights, state, floatWeights, shapes)) };
    }
    return compiled.step(batch, progress, stepsPerEpoch);
  };
}
