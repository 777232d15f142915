import { exitsOf, numbered, withExits } from '../base/exits.js';
import type { NamedArrays } from '../base/tensors.js';
import type { InputShapes } from '../onnx/trace.js';
import type { TrainingProgress } from '../run/checkpoint.js';
import type { Run } from '../run/run-directory.js';
import type { Engine, EngineFunction } from './engines/engine.js';
import { countHits } from './evaluate.js';
import { BETA1, BETA2 } from './optimizers.js';
import { type BranchSums, diverged } from './reports.js';
import { rateFactor } from './schedules.js';
import { averageKeep, trainStep } from './step.js';
import { fillTargets } from './targets.js';
import type { Teacher } from './teacher.js';
import type { SourceBatch } from './training-source.js';

/** Trains on one batch. @returns the progress after it */
export type Step = (batch: SourceBatch, progress: TrainingProgress, stepsPerEpoch: number) => Promise<TrainingProgress>;

export interface CompiledStep {
  readonly step: Step;
  readonly onEngine: EngineFunction;
}

interface StepOwner {
  readonly run: Pick<Run, 'path' | 'config' | 'network'>;
  readonly engine: Engine;
  readonly teacher?: Teacher;
}

/** Compiles the step of a run, and returns a function that runs it on one batch. */
export async function compileStep(
  { run, engine, teacher }: StepOwner,
  weights: readonly number[] | undefined,
  state: NamedArrays,
  floatWeights: boolean,
  shapes: InputShapes,
): Promise<CompiledStep> {
  const { config, network } = run;
  const { batchSize } = config;
  const { classes } = network;
  const compiled = trainStep(network, config, floatWeights, teacher?.network);
  const onEngine: EngineFunction = await engine.compile(compiled, Object.keys(state), {
    ...shapes,
    targets: [batchSize, classes],
    rate: [],
    branchRate: [],
    correction1: [],
    correction2: [],
    ...(config.averageDecay > 0 ? { averageKeep: [] } : {}),
  });
  const targets = new Float32Array(batchSize * classes);

  const step: Step = async (batch, progress, stepsPerEpoch) => {
    const factor = rateFactor(config.schedule, progress.totalSteps, config.epochs * stepsPerEpoch, config.warmup);
    const totalSteps = progress.totalSteps + 1;
    fillTargets(targets, batch, classes, weights);
    const result = await onEngine({
      ...batch.inputs,
      targets,
      rate: Float32Array.of(config.lr * factor),
      branchRate: Float32Array.of(config.branchLr * factor),
      correction1: Float32Array.of(1 - BETA1 ** totalSteps),
      correction2: Float32Array.of(1 - BETA2 ** totalSteps),
      ...(config.averageDecay > 0
        ? { averageKeep: Float32Array.of(averageKeep(config.averageDecay, totalSteps)) }
        : {}),
    });
    const [fullLoss] = result.fullLoss;
    const before = exitsOf<BranchSums>(progress);
    const branches = exitsOf(network).map((_, i) => {
      const name = numbered('branch', i);
      const [branchLoss] = result[`${name}Loss`];
      if (!Number.isFinite(fullLoss + branchLoss)) throw diverged(run, progress, [fullLoss, branchLoss]);
      return {
        branchLoss: (before[i]?.branchLoss ?? 0) + branchLoss,
        branchHits: (before[i]?.branchHits ?? 0) + countHits(result[name], batch.labels, classes),
      };
    });
    return {
      ...(progress.stage === undefined ? {} : { stage: progress.stage }),
      epoch: progress.epoch,
      step: progress.step + 1,
      totalSteps,
      fullLoss: progress.fullLoss + fullLoss,
      fullHits: progress.fullHits + countHits(result.full, batch.labels, classes),
      ...withExits(branches),
    };
  };
  return { step, onEngine };
}
