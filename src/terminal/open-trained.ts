import { type Dataset, loadDataset } from '../datasets/dataset.js';
import { openRun, type Run, readRunCheckpoint } from '../run/run-directory.js';
import type { Evaluator } from '../train/evaluate.js';
import { withEvaluator } from '../train/with-evaluator.js';

export interface Trained {
  readonly run: Run;
  readonly dataset: Dataset;
  /** Runs `use` with the trained network's evaluator. */
  evaluate<Result>(use: (evaluate: Evaluator) => Promise<Result>): Promise<Result>;
  readonly state: ReturnType<typeof readRunCheckpoint>['state'];
}

/** Opens a run with its checkpoint and its data: what evaluate, tune-tau and export begin with. */
export async function openTrained(path: string, dataDir: string | undefined): Promise<Trained> {
  const run = openRun(path);
  const { state } = readRunCheckpoint(run);
  const dataset = await loadDataset(run.config.dataset, { dataDir });
  return {
    run,
    dataset,
    state,
    evaluate: (use) => withEvaluator(run.config.engine, run.network, state, dataset, use),
  };
}
