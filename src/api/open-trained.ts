import { existsSync } from 'node:fs';
import type { NamedArrays } from '../base/tensors.js';
import { progressLine } from '../cli/download-progress.js';
import type { Dataset } from '../datasets/dataset.js';
import { loadDataset } from '../datasets/load-dataset.js';
import { deployedState } from '../network/deployed.js';
import type { Config } from '../run/config.js';
import { openRun, type Run, readRunCheckpoint, requireFitting } from '../run/run-directory.js';
import { type Answer, createAnswers } from '../train/answers.js';
import type { Evaluator } from '../train/evaluate.js';
import { withEngine } from '../train/with-engine.js';
import { withEvaluator } from '../train/with-evaluator.js';

export interface Trained {
  readonly run: Run;
  readonly dataset: Dataset;
  /** Runs `use` with the trained network's evaluator. */
  evaluate<Result>(use: (evaluate: Evaluator) => Promise<Result>): Promise<Result>;
  /** Runs `use` with a function that gives the trained network's answer to one image, and what led to it. */
  answers<Result>(use: (answer: (image: Float32Array) => Promise<Answer>) => Promise<Result>): Promise<Result>;
  /** Parameters as they are deployed. */
  readonly state: NamedArrays;
}

/** Opens a run with its checkpoint, as it is deployed, and its data: what evaluate, tune-tau and export begin with. */
export async function openTrained(path: string, dataDir: string | undefined): Promise<Trained> {
  const run = openRun(path);
  const state = deployedState(run.network, readRunCheckpoint(run).state);
  const dataset = await loadRunDataset(run.config, dataDir);
  requireFitting(run, dataset);
  // On the CPU: what was trained on a GPU must be tuned and exported where there is none.
  const config = { ...run.config, device: 'cpu' as const };
  return {
    run,
    dataset,
    state,
    evaluate: (use) => withEvaluator(config, run.network, state, dataset, use),
    answers: (use) => withEngine(config, state, async (engine) => use(await createAnswers(engine, run.network))),
  };
}

/** The data of a run: from the folder named now, else from the one it was trained from if that is still there. */
export async function loadRunDataset(config: Config, dataDir?: string): Promise<Dataset> {
  const { dataset, dataDir: trainedFrom, imageSize, resize, classes, strict, cache } = config;
  const remembered = trainedFrom !== undefined && existsSync(trainedFrom) ? trainedFrom : undefined;
  const progress = progressLine();
  try {
    return await loadDataset(dataset, {
      ...{ dataDir: dataDir ?? remembered, imageSize, resize, classes, strict, cache },
      onProgress: progress.onProgress,
      onNote: (line) => {
        progress.stop();
        process.stderr.write(`${line}\n`);
      },
    });
  } finally {
    progress.stop();
  }
}
