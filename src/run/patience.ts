import { exitsOf } from '../base/exits.js';
import type { Config } from './config.js';
import type { EpochMetrics } from './run-directory.js';
import { shownAccuracies } from './shown-accuracies.js';

/** Mean accuracy of the full network and its branches: what `keep best` and `patience` compare, on validation images. */
export function epochScore(metrics: EpochMetrics): number {
  const shown = shownAccuracies(metrics);
  const branches = exitsOf<{ readonly branchAccuracy: number }>(shown).map(({ branchAccuracy }) => branchAccuracy);
  return [shown.fullAccuracy, ...branches].reduce((sum, accuracy) => sum + accuracy, 0) / (branches.length + 1);
}

/** The epoch with the best score; of equal ones, the first. */
export const bestEpoch = (metrics: readonly EpochMetrics[]): EpochMetrics | undefined =>
  metrics.reduce<EpochMetrics | undefined>(
    (best, line) => (best && epochScore(best) >= epochScore(line) ? best : line),
    undefined,
  );

/** Whether training ends here: no epoch was better than the best one for `patience` epochs. An extended run counts anew. */
export function isOutOfPatience(
  { patience, extended }: Pick<Config, 'patience' | 'extended'>,
  metrics: readonly EpochMetrics[],
): boolean {
  const best = bestEpoch(metrics);
  const last = metrics.at(-1);
  if (patience === undefined || !best || !last) return false;
  return last.epoch - Math.max(best.epoch, extended?.at(-1)?.epoch ?? 0) >= patience;
}

/** Whether a run was trained to its end, according to its metrics. */
export const isComplete = (config: Config, metrics: readonly EpochMetrics[]): boolean =>
  metrics.at(-1)?.epoch === config.epochs || isOutOfPatience(config, metrics);
