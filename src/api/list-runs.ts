import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { messageOf, UserError } from '../base/errors.js';
import { dataTitle } from '../run/config.js';
import { measuredRun } from '../run/measured-runs.js';
import { openRun, readMetrics, runExists } from '../run/run-directory.js';
import { trainingStages } from '../run/stages.js';

/** A run in a table of runs. Accuracies and ratios are shares in [0, 1]. */
export interface ListedRun {
  readonly name: string;
  readonly path: string;
  readonly network: string;
  readonly dataset: string;
  readonly attach: string;
  readonly branchForm: string;
  readonly width: number;
  /** Learning rate of the full network, of every stage in turn. */
  readonly rates: readonly number[];
  readonly seed: number;
  /** Completed epochs, and those of the schedule. */
  readonly epochs: number;
  readonly plannedEpochs: number;
  readonly full?: number;
  /** Accuracy of each exit. */
  readonly branches?: readonly number[];
  /** At the tuned thresholds. */
  readonly collaborative?: number;
  readonly exitRatio?: number;
  /** File that the accuracies are from; `metrics.jsonl` means validation images after the last epoch. */
  readonly source?: string;
}

/** The runs in a folder, by name, and the folders that hold a damaged one. @throws UserError if the folder is missing */
export function listRuns(folder: string): { runs: ListedRun[]; damaged: string[] } {
  if (!existsSync(folder)) throw new UserError(`${folder}: expected a folder of runs, found no such folder`);
  const paths = runExists(folder)
    ? [folder]
    : readdirSync(folder)
        .sort()
        .map((name) => join(folder, name));
  const [runs, damaged]: [ListedRun[], string[]] = [[], []];
  for (const path of paths.filter(runExists)) {
    try {
      runs.push(listedRun(path));
    } catch (thrown) {
      if (!(thrown instanceof UserError)) throw thrown;
      damaged.push(messageOf(thrown));
    }
  }
  return { runs, damaged };
}

function listedRun(path: string): ListedRun {
  const run = openRun(path);
  const { config, network } = run;
  const measured = measuredRun(run);
  return {
    name: basename(run.path),
    path,
    network: network.name,
    dataset: dataTitle(config),
    attach: config.attach,
    branchForm: config.branch,
    width: config.width,
    rates: trainingStages(run).map((stage) => stage.config.lr),
    seed: config.seed,
    epochs: readMetrics(run).at(-1)?.epoch ?? 0,
    plannedEpochs: config.epochs,
    ...(measured && {
      full: measured.accuracies.full,
      branches: network.branch.length > 0 ? measured.accuracies.branches : [],
      collaborative: measured.tuned?.accuracy,
      exitRatio: measured.tuned?.exitRatios.reduce((total, ratio) => total + ratio, 0),
      source: measured.file,
    }),
  };
}
