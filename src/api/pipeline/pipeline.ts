import { join } from 'node:path';
import { UserError } from '../../base/errors.js';
import { makeFolder, readFileOrExplain } from '../../base/files.js';
import { sha256 } from '../../base/hash.js';
import { MANIFEST_FILE } from '../../bundle/manifest.js';
import { inspectData } from '../../datasets/inspect/inspect-data.js';
import { type DataProblem, dataGates } from '../../gates/data-gates.js';
import { type EvaluationLimits, evaluationGates } from '../../gates/evaluation-gates.js';
import type { Gate } from '../../gates/gate.js';
import { downloadGates } from '../../gates/size-gate.js';
import { aboutFolder } from '../../provenance/about-folder.js';
import { portableOptions } from '../../provenance/provenance.js';
import { readResult } from '../../run/results.js';
import { openRun, runExists, runFile } from '../../run/run-directory.js';
import { compareAnswers } from '../compare-answers.js';
import { evaluate } from '../evaluate.js';
import { type ExportOptions, exportWeb } from '../export-web.js';
import { type NewRunOptions, newRunConfig } from '../new-run.js';
import { type DataOptions, dataRecord, loadNewData } from '../run-data.js';
import { resumeTraining, train } from '../train.js';
import type { PytorchOptions, TrainingEvents } from '../train-run.js';
import { type TuneTauOptions, tuneTau } from '../tune-tau.js';
import { VERSION } from '../version.js';
import { inputsHash, openPipelineState, type PipelineStep } from './pipeline-state.js';

export interface PipelineOptions extends TrainingEvents, Pick<DataOptions, 'onProgress'> {
  /** Folder of the pipeline: its runs, the bundle, and `pipeline.json`. */
  readonly out: string;
  /** The run to train. */
  readonly train?: Omit<NewRunOptions, 'out'>;
  readonly pytorch?: PytorchOptions;
  /** Problems that the data must not have. */
  readonly failOn?: readonly DataProblem[];
  readonly tune?: TuneTauOptions;
  readonly limits?: EvaluationLimits;
  /** A run to compare with, for `limits.maxDrop`. */
  readonly against?: string;
  readonly export?: Omit<ExportOptions, 'out'>;
  /** Largest download of a page in bytes, compressed with brotli. */
  readonly maxBytes?: number;
  /** Called when a step ends. */
  readonly onStepEnd?: (step: PipelineStep, state: StepState) => void;
}

/** `skipped`: the step's inputs and output are as they were when it was done. `failed`: a gate of the step failed. */
export type StepState = 'done' | 'skipped' | 'failed';

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
 * @throws UserError if an option is wrong or data are missing; Diverged as `train` does
 * @example
 * const { passed, gates } = await runPipeline({ out: 'build', limits: { minAccuracy: { both: 0.85 } } });
 */
export async function runPipeline(options: PipelineOptions): Promise<PipelineResult> {
  const { out, limits = {}, failOn = [], onStepEnd, onProgress, onNote } = options;
  const given = { ...options.train };
  const config = newRunConfig(given);
  const data = { dataDir: given.dataDir, onProgress, onNote };
  if (options.against === undefined && limits.maxDrop && Object.keys(limits.maxDrop).length > 0) {
    throw new UserError('maxDrop: expected a run to compare with, found none; name it in "against"');
  }
  makeFolder(out);
  const state = openPipelineState(out);
  const steps: Partial<Record<PipelineStep, StepState>> = {};
  const gates: Gate[] = [];
  const end = (step: PipelineStep, ended: StepState): void => {
    steps[step] = ended;
    onStepEnd?.(step, ended);
  };
  /** Does a step unless it was done with the same inputs. */
  const run = async <Result>(
    step: PipelineStep,
    inputs: string,
    work: () => Promise<Result>,
    output?: string,
  ): Promise<Result> => {
    const before = state.completed(step, inputs, output);
    if (before) {
      end(step, 'skipped');
      return before.result as Result;
    }
    const result = await work();
    state.record(step, inputs, { output, result });
    end(step, 'done');
    return result;
  };
  const requireGates = (step: PipelineStep, found: readonly Gate[]): boolean => {
    gates.push(...found);
    const passed = found.every((gate) => gate.passed);
    if (!passed) end(step, 'failed');
    return passed;
  };

  const dataset = await loadNewData(config, data);
  const { fingerprint } = dataRecord(dataset, config);
  const trainInputs = inputsHash(VERSION, fingerprint, portableOptions(config));
  // A changed option or image makes another run. The folder of the earlier one stays.
  const path = join(out, 'runs', trainInputs.slice(0, 12));
  const result = (rest: Partial<PipelineResult> = {}): PipelineResult => ({
    ...{ run: path, steps, gates, passed: gates.every(({ passed }) => passed), interrupted: false },
    ...rest,
  });

  const { validation, seed } = config;
  const report = await run('check', inputsHash(VERSION, fingerprint, validation, seed), () =>
    inspectData(dataset, { validation, seed }),
  );
  if (!requireGates('check', dataGates(report, failOn))) return result();

  const checkpointPath = runFile({ path }, 'checkpoint');
  if (state.completed('train', trainInputs, checkpointPath)) end('train', 'skipped');
  else {
    const events = { ...options, ...data, acceptChangedData: false };
    const { interrupted } = runExists(path)
      ? await resumeTraining(path, { ...events, options: {} })
      : await train({ ...events, ...given, out: path });
    if (interrupted) return result({ interrupted });
    state.record('train', trainInputs, { output: checkpointPath });
    end('train', 'done');
  }
  const trained = openRun(path);
  const checkpoint = sha256(readFileOrExplain(checkpointPath, 'a checkpoint'));

  const tuneInputs = inputsHash(VERSION, trainInputs, checkpoint, options.tune);
  const ran = { dataDir: given.dataDir, onNote, signal: options.signal };
  await run(
    'tune',
    tuneInputs,
    async () => void (await tuneTau(path, { ...options.tune, ...ran })),
    runFile(trained, 'tau'),
  );
  const tau = readResult(trained, 'tau')!;
  const evaluateInputs = inputsHash(
    tuneInputs,
    tau.tau,
    tau.further?.map((exit) => exit.tau),
  );
  await run('evaluate', evaluateInputs, async () => void (await evaluate(path, ran)), runFile(trained, 'test'));

  const { against } = options;
  const baseline = against && sha256(readFileOrExplain(runFile({ path: against }, 'checkpoint'), 'a checkpoint'));
  const comparison = await run('gates', inputsHash(evaluateInputs, baseline), async () =>
    against === undefined ? null : compareAnswers(path, against, ran),
  );
  const tested = readResult(trained, 'test')!;
  if (!requireGates('gates', evaluationGates(trained.network, tested, limits, comparison ?? undefined)))
    return result();

  const bundle = join(out, 'bundle');
  const { version, downloadBytes } = await run(
    'export',
    inputsHash(evaluateInputs, options.export),
    async () => {
      const { manifest, downloadBytes } = await exportWeb(path, { ...options.export, ...ran, out: bundle });
      return { version: manifest.version, downloadBytes };
    },
    join(bundle, MANIFEST_FILE),
  );
  requireGates('export', downloadGates(downloadBytes, options.maxBytes));
  return result({ bundle, version, card: join(aboutFolder(bundle), 'MODEL_CARD.md') });
}
