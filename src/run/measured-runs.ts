import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../base/errors.js';
import { exitsOf } from '../base/exits.js';
import type { JointNetwork } from '../network/layers.js';
import { bestEpoch } from './patience.js';
import { readResult, type Tested } from './results.js';
import { openRun, type Run, readMetrics, runExists } from './run-directory.js';
import { shownAccuracies } from './shown-accuracies.js';

/** Measured results of a trained network. Shares in [0, 1]. */
export interface MeasuredRun {
  readonly path: string;
  readonly epochs: number;
  readonly accuracies: { readonly branches: readonly number[]; readonly full: number };
  /** With the tuned thresholds: the share that exits early at each exit, and the collaborative accuracy. */
  readonly tuned?: { readonly exitRatios: readonly number[]; readonly accuracy: number };
  /** Source of the numbers: `test.json` if the run was evaluated, else `tau.json`, else `metrics.jsonl` (the epoch whose weights are kept). */
  readonly file: string;
}

/** A run's results on the test split, else on the validation images; undefined if there are none yet. */
export function measuredRun(run: Run): MeasuredRun | undefined {
  const { path } = run;
  const metrics = readMetrics(run);
  const epochs = metrics.at(-1)?.epoch ?? 0;
  const tested = readResult(run, 'test');
  const [result, file] = tested?.collaborative ? [tested, 'test.json'] : [readResult(run, 'tau'), 'tau.json'];
  if (result?.collaborative) {
    const { exitRatio, exitRatios = [exitRatio], accuracy } = result.collaborative;
    const branches = exitsOf<Pick<Tested, 'branch'>>(result).map(({ branch }) => branch.accuracy);
    return {
      path,
      epochs,
      file,
      accuracies: { branches, full: result.full.accuracy },
      tuned: { exitRatios, accuracy },
    };
  }
  const last = run.config.keep === 'best' ? bestEpoch(metrics) : metrics.at(-1);
  const shown = last && shownAccuracies(last);
  if (shown?.on !== 'validation') return undefined;
  const branches = exitsOf<{ readonly branchAccuracy: number }>(shown).map(({ branchAccuracy }) => branchAccuracy);
  return { path, epochs, file: 'metrics.jsonl', accuracies: { branches, full: shown.fullAccuracy } };
}

/** Key of a network and its data set: runs with the same key have comparable results. */
export const runKey = (network: JointNetwork, dataset: string): string => JSON.stringify([dataset, network]);

/** The results of all runs in a folder, by `runKey`. @throws UserError if the folder is missing or a run is damaged */
export function measuredRuns(folder: string): Map<string, MeasuredRun> {
  if (!existsSync(folder)) throw new UserError(`${folder}: expected a folder of runs, found no such folder`);
  const found = new Map<string, MeasuredRun>();
  for (const name of readdirSync(folder).sort()) {
    const path = join(folder, name);
    if (!runExists(path)) continue;
    const run = openRun(path);
    const measured = measuredRun(run);
    if (measured) found.set(runKey(run.network, run.config.dataset), measured);
  }
  return found;
}
