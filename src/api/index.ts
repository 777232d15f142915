/**
 * lcdnn as a library: what each command does, as a function with plain options and a plain result. Nothing here reads a
 * terminal, prints, or handles signals; pass callbacks and an `AbortSignal` instead.
 *
 * @example
 * import { evaluate, exportWeb, train, tuneTau } from 'lcdnn';
 *
 * await train({ out: 'runs/clothes', options: { dataset: 'fashion-mnist-sample', epochs: 8, validation: 1000 } });
 * await tuneTau('runs/clothes');
 * const { collaborative } = await evaluate('runs/clothes');
 * await exportWeb('runs/clothes', { out: 'bundles/clothes' });
 */

import '../base/no-telemetry.js';

export { UserError } from '../base/errors.js';
export { type CacheEntry, listCache } from '../datasets/cache/entries.js';
export { clearCache } from '../datasets/cache/make-room.js';
export type { Progress } from '../datasets/fetch.js';
export { UnreadableFile } from '../datasets/image.js';
export { type ComparedAccuracies, type EvaluationLimits, evaluationGates } from '../gates/evaluation-gates.js';
export type { Gate } from '../gates/gate.js';
export type { Provenance } from '../provenance/provenance.js';
export type { AblationRow } from '../run/ablation.js';
export type { Config } from '../run/config.js';
export type { Tested } from '../run/results.js';
export type { EpochMetrics } from '../run/run-directory.js';
export type { TauOptions, TauResult } from '../tau/tune.js';
export { TrainerEnded } from '../train/pytorch/train-in-python.js';
export { Diverged, type StepReport } from '../train/reports.js';
export { type AblateOptions, ablate } from './ablate.js';
export { type BenchDeviceOptions, type BenchDeviceResult, benchDevice } from './bench-device.js';
export { type BenchEdgeResult, benchEdge } from './bench-edge.js';
export { type CheckDataOptions, checkData } from './check-data.js';
export { type ChangedFile, checkExport, type RebuildResult } from './check-export.js';
export { type AnswerComparison, compareAnswers, type RunPair } from './compare-answers.js';
export { type CompareOptions, compareRuns } from './compare-runs.js';
export { type DescribedNetwork, describeNetwork, type NetworkOptions } from './describe-network.js';
export { drawScheduleFigures, type FigureOptions } from './draw-schedule-figures.js';
export { evaluate } from './evaluate.js';
export { evaluateUnknown, type NoveltyScore, type UnknownAnswers } from './evaluate-unknown.js';
export { exportRepository, type RepositoryResult } from './export-repository.js';
export { type ExportOptions, type ExportResult, exportWeb } from './export-web.js';
export { type ImportResult, importNetwork } from './import-network.js';
export { type Inspection, inspect } from './inspect.js';
export { type BundleInspection, inspectBundle } from './inspect-bundle.js';
export { type ListedRun, listRuns } from './list-runs.js';
export { mergeAblations } from './merge-ablations.js';
export type { NewRunOptions } from './new-run.js';
export type { MeasureOptions } from './open-trained.js';
export { type PipelineOptions, type PipelineResult, runPipeline } from './pipeline/pipeline.js';
export type { PipelineStep } from './pipeline/pipeline-state.js';
export type { EndedStep, StepEvents, StepState } from './pipeline/step-runner.js';
export { type PlanOptions, plan, writePlan } from './plan.js';
export { type BaselinePlan, type PlanBaselineOptions, planBaseline } from './plan-baseline.js';
export { type Prediction, type Predictions, type PredictOptions, predict } from './predict.js';
export { proposeTauFromServer, type ServerTau, type ServerTauOptions } from './propose-tau.js';
export { type BaselineMeasurement, type RunBaselineOptions, runBaseline } from './run-baseline.js';
export type { DataOptions } from './run-data.js';
export { type SimulatedPolicy, type SimulateOptions, simulatePolicies } from './simulate-policies.js';
export { type ResumeOptions, resumeTraining, type TrainOptions, type TrainResult, train } from './train.js';
export { type TrainBaselineOptions, trainBaseline } from './train-baseline.js';
export {
  type PolicyTrainingEvents,
  type PolicyTrainingResult,
  resumePolicyTraining,
  type TrainPolicyOptions,
  trainPolicy,
} from './train-policy.js';
export type { PytorchOptions, TrainingEvents, TrainingStart } from './train-run.js';
export { type TunedRun, type TuneTauOptions, tuneTau } from './tune-tau.js';
export { VERSION } from './version.js';
export { type ExampleResult, writeExample } from './write-example.js';
