import type { NamedArrays } from '../base/tensors.js';
import type { Dataset } from '../datasets/dataset.js';
import { deployedState } from '../network/deployed.js';
import { openRun, type Run, readRunCheckpoint, requireFitting } from '../run/run-directory.js';
import { type Answer, createAnswers } from '../train/answers.js';
import type { Evaluator } from '../train/evaluate.js';
import { withEngine } from '../train/with-engine.js';
import { withEvaluator } from '../train/with-evaluator.js';
import { type DataOptions, loadRunData } from './run-data.js';

/** A trained run, opened with its data. */
export interface Trained {
  readonly run: Run;
  readonly dataset: Dataset;
  /** Runs `use` with the trained network's evaluator. */
  evaluate<Result>(use: (evaluate: Evaluator) => Promise<Result>): Promise<Result>;
  /** Runs `use` with a function that computes the trained network's answer to one image. */
  answers<Result>(use: (answer: (image: Float32Array) => Promise<Answer>) => Promise<Result>): Promise<Result>;
  /** Parameters as they are deployed. */
  readonly state: NamedArrays;
}

/**
 * Opens a run with its checkpoint, as it is deployed, and its data.
 *
 * @throws UserError if the run has no checkpoint, or its data are missing or don't fit
 */
export async function openTrained(path: string, options: DataOptions = {}): Promise<Trained> {
  const run = openRun(path);
  const state = deployedState(run.network, readRunCheckpoint(run).state);
  const { dataset } = await loadRunData(run, options);
  requireFitting(run, dataset);
  // On the CPU: a network trained on a GPU must also be tuned and exported on machines without one.
  const config = { ...run.config, device: 'cpu' as const };
  return {
    run,
    dataset,
    state,
    evaluate: (use) => withEvaluator(config, run.network, state, dataset, use),
    answers: (use) => withEngine(config, state, async (engine) => use(await createAnswers(engine, run.network))),
  };
}
