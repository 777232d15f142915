import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../../base/errors.js';
import { exitsOf } from '../../base/exits.js';
import { makeFolder, readFileOrExplain } from '../../base/files.js';
import { sha256 } from '../../base/hash.js';
import { MANIFEST_FILE } from '../../bundle/manifest.js';
import type { Dataset } from '../../datasets/dataset.js';
import { inspectData } from '../../datasets/inspect/inspect-data.js';
import { type DataProblem, dataGates, dataProblems } from '../../gates/data-gates.js';
import { type EvaluationLimits, evaluationGates, hasLimits, requireLimits } from '../../gates/evaluation-gates.js';
import type { Gate } from '../../gates/gate.js';
import { downloadGates } from '../../gates/size-gate.js';
import { isModelName } from '../../models/catalog.js';
import { aboutFolder } from '../../provenance/about-folder.js';
import { portableOptions } from '../../provenance/provenance.js';
import type { Config } from '../../run/config.js';
import type { DataRecord } from '../../run/data-record.js';
import { lockRun } from '../../run/lock.js';
import { readResult } from '../../run/results.js';
import { networkOf, openRun, runExists, runFile } from '../../run/run-directory.js';
import { AUTO } from '../choose-attachment.js';
import { compareAnswers } from '../compare-answers.js';
import { evaluate } from '../evaluate.js';
import { type ExportOptions, exportWeb } from '../export-web.js';
import { inspectBundle } from '../inspect-bundle.js';
import { withMlflow } from '../mlflow.js';
import { newRunConfig } from '../new-run.js';
import { type DataOptions, dataRecord, loadNewData } from '../run-data.js';
import { type ComputeOptions, resumeTraining, type TrainOptions, train } from '../train.js';
import type { PytorchOptions, TrainingEvents } from '../train-run.js';
import { checkTuneOptions, type TuneTauOptions, tuneTau } from '../tune-tau.js';
import { VERSION } from '../version.js';
import { inputsHash, type PipelineStep } from './pipeline-state.js';
import {
  checkCommand,
  evaluateCommand,
  exportCommand,
  newRunCommand,
  resumeCommand,
  tuneCommand,
} from './step-commands.js';
import { createStepRunner, type StepEvents, type StepState } from './step-runner.js';

export interface PipelineOptions extends TrainingEvents, StepEvents, Pick<DataOptions, 'onProgress'> {
  /** Folder of the pipeline: its runs, the bundle, and `pipeline.json`. */
  readonly out: string;
  /** Folder of the bundle. Default: `bundle` in `out`. */
  readonly bundle?: string;
  /** The run to train. */
  readonly train?: Omit<TrainOptions, 'out' | keyof ComputeOptions> & Pick<ComputeOptions, 'dataDir'>;
  /** Threads that load images ahead of training, as for `train`. */
  readonly loaders?: number;
  readonly pytorch?: PytorchOptions;
  /** Address of an MLflow tracking server that gets options and metrics of the training. */
  readonly mlflow?: string;
  /** Problems that the data must not have. */
  readonly failOn?: readonly DataProblem[];
  /** How the threshold is tuned. It may depend on the number of images of each split. */
  readonly tune?: TuneTauOptions | ((images: DataRecord['images']) => TuneTauOptions);
  readonly limits?: EvaluationLimits;
  /** A run to compare with, for `limits.maxDrop`. */
  readonly against?: string;
  readonly export?: Omit<ExportOptions, 'out'>;
  /** Largest download of a page in bytes, compressed with brotli. */
  readonly maxBytes?: number;
}

export interface PipelineResult {
  /** Path of the run. */
  readonly run: string;
  /** Path of the bundle, if every gate before the export passed. */
  readonly bundle?: string;
  readonly version?: string;
  /** Path of the model card. */
  readonly card?: string;
  readonly steps: Readonly<Partial<Record<PipelineStep, StepState>>>;
  readonly gates: readonly Gate[];
  /** Whether every gate passed. */
  readonly passed: boolean;
  /** Whether the signal ended the training; the next call continues it. */
  readonly interrupted: boolean;
}

/**
 * Runs every step from data to bundle: check, train, tune, evaluate, gates, export with model card. A step is
 * skipped if its inputs haven't changed since it was done, and an interrupted training continues. A failed gate ends the pipeline:
 * a bad model isn't exported.
 *
 * @throws UserError if an option is wrong, data are missing, or another process uses the folder; Diverged as `train` does
 * @example
 * const { passed, gates } = await runPipeline({ out: 'build', limits: { minAccuracy: { both: 0.85 } } });
 */
export async function runPipeline(options: PipelineOptions): Promise<PipelineResult> {
  const config = newRunConfig({ ...options.train });
  requireLimits(options.limits ?? {}, options.against);
  if (options.against !== undefined) openRun(options.against);
  makeFolder(options.out);
  const unlock = lockRun({ path: options.out }, 'is running this pipeline');
  try {
    return await runSteps(options, config);
  } finally {
    unlock();
  }
}

async function runSteps(options: PipelineOptions, config: Config): Promise<PipelineResult> {
  const { out, limits = {}, failOn = [], against, onProgress, onNote } = options;
  const given = { ...options.train };
  const data = { dataDir: given.dataDir, onProgress, onNote };
  const dataset = await loadNewData(config, data);
  const { fingerprint, images } = dataRecord(dataset, config);
  const trainInputs = inputsHash(
    ...[VERSION, fingerprint, portableOptions(config), hashesOfSources(config)],
    ...(given.budget === undefined ? [] : [given.budget]),
  );
  // A changed option or image makes another run. The folder of the earlier one stays.
  const path = join(out, 'runs', trainInputs.slice(0, 12));
  const bundle = options.bundle ?? join(out, 'bundle');
  const { onStepStart, onStepEnd } = options;
  const runner = createStepRunner(out, { onStepStart, onStepEnd, run: path, bundle });
  const { steps, gates } = runner;
  const result = (rest: Partial<PipelineResult> = {}): PipelineResult => ({
    ...{ run: path, steps, gates, passed: gates.every(({ passed }) => passed), interrupted: false },
    ...rest,
  });

  const tune = { ...(typeof options.tune === 'function' ? options.tune(images) : options.tune) };
  const isChosenLater = config.attach === AUTO;
  const exits = isChosenLater ? 1 : exitsOf(networkOf(config, dataset.shape, dataset.labels.length)).length;
  checkTuneOptions(path, tune, config, images, exits);
  const { validation, seed } = config;
  const problems = (await runner.run('check', {
    command: checkCommand(given, config, failOn),
    inputs: inputsHash(VERSION, fingerprint, validation, seed, filesOf(dataset)),
    work: () => inspectData(dataset, { validation, seed }),
    // Without the pairs of similar images, which can be many. Another --fail-on needs no new check.
    record: (report) => dataGates(report, dataProblems),
  }))!;
  const refused = failOn.map((name) => problems.find((gate) => gate.name === name)!);
  if (!runner.requireGates('check', refused)) return result();

  const checkpointPath = runFile({ path }, 'checkpoint');
  // The check has reported on the data already.
  const events = { ...options, ...data, onData: undefined };
  await runner.run('train', {
    command: runExists(path) ? resumeCommand(path) : newRunCommand(given, path),
    inputs: trainInputs,
    output: checkpointPath,
    work: () =>
      withMlflow(options.mlflow, { name: path, config, onNote, onEpoch: options.onEpoch }, (onEpoch) =>
        runExists(path)
          ? resumeTraining(path, { ...events, onEpoch, options: {} })
          : train({ ...events, ...given, onEpoch, out: path }),
      ),
    record: ({ interrupted }) => (interrupted ? undefined : null),
  });
  if (steps.train === undefined) return result({ interrupted: true });

  const trained = openRun(path);
  const tuneInputs = inputsHash(VERSION, trainInputs, hashOfFile(checkpointPath, 'a checkpoint'), tune);
  const ran = { dataDir: given.dataDir, onProgress, onNote, signal: options.signal };
  await runner.run('tune', {
    command: tuneCommand(path, tune),
    inputs: tuneInputs,
    output: runFile(trained, 'tau'),
    work: () => tuneTau(path, { ...tune, ...ran }),
    record: () => null,
  });

  const { tau, further } = readResult(trained, 'tau')!;
  const evaluateInputs = inputsHash(tuneInputs, tau, ...(further ?? []).map((exit) => exit.tau));
  await runner.run('evaluate', {
    command: evaluateCommand(path),
    inputs: evaluateInputs,
    output: runFile(trained, 'test'),
    work: () => evaluate(path, ran),
    record: () => null,
  });

  const comparison = await runner.run('gates', {
    command: hasLimits(limits) || against !== undefined ? evaluateCommand(path, limits, against) : undefined,
    inputs: inputsHash(evaluateInputs, against === undefined ? undefined : hashesOfRun(against)),
    work: async () => (against === undefined ? null : compareAnswers(path, against, ran)),
    record: (found) => found,
  });
  const tested = readResult(trained, 'test')!;
  const found = evaluationGates(trained.network, tested, limits, comparison ?? undefined);
  if (!runner.requireGates('gates', found)) return result();

  const card = join(aboutFolder(bundle), 'MODEL_CARD.md');
  const { maxBytes } = options;
  const exported = { ...options.export, out: bundle };
  const { version, downloadBytes } = (await runner.run('export', {
    command: exportCommand(path, { ...exported, maxBytes }),
    inputs: inputsHash(
      evaluateInputs,
      exported,
      exported.licenceFile && hashOfFile(exported.licenceFile, 'a licence text'),
    ),
    output: join(bundle, MANIFEST_FILE),
    isWhole: () => existsSync(card) && isWholeBundle(bundle),
    work: () => exportWeb(path, { ...exported, ...ran }),
    record: ({ manifest, downloadBytes }) => ({ version: manifest.version, downloadBytes }),
  }))!;
  runner.requireGates('export', downloadGates(downloadBytes, maxBytes));
  return result({ bundle, version, card });
}

const hashOfFile = (path: string, what: string): string => sha256(readFileOrExplain(path, what));

/** Hashes of the files that a run starts from: their names don't tell whether they have changed. */
function hashesOfSources({ initFrom, teacher }: Config): (string | undefined)[] {
  const weights = initFrom !== undefined && !isModelName(initFrom) ? initFrom : undefined;
  return [
    weights && hashOfFile(weights, 'a trained network'),
    teacher && hashOfFile(runFile({ path: teacher }, 'checkpoint'), 'a checkpoint'),
  ];
}

/** Hashes of a baseline's weights and thresholds. */
function hashesOfRun(path: string): (string | undefined)[] {
  const tau = runFile({ path }, 'tau');
  return [
    hashOfFile(runFile({ path }, 'checkpoint'), 'a checkpoint'),
    existsSync(tau) ? hashOfFile(tau, 'a threshold') : undefined,
  ];
}

/** What a report on a folder shows besides the images that can be used. */
const filesOf = ({ shape, folder }: Dataset) => [shape, folder?.broken, folder?.ignored];

function isWholeBundle(bundle: string): boolean {
  try {
    inspectBundle(bundle);
    return true;
  } catch (thrown) {
    if (thrown instanceof UserError) return false;
    throw thrown;
  }
}
