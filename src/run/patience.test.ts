import { expect, it } from 'vitest';
import { resolveConfig } from './config.js';
import { bestEpoch, isComplete, isOutOfPatience } from './patience.js';
import type { EpochMetrics } from './run-directory.js';

/** Metrics of epochs with these accuracies, of the full network and of the branch. */
const epochs = (...scores: number[]): EpochMetrics[] =>
  scores.map((score, i) => ({
    ...{ epoch: i + 1, fullLoss: 1, branchLoss: 1, trainFullAccuracy: 0, trainBranchAccuracy: 0 },
    ...{ fullAccuracy: score, branchAccuracy: score, lr: 1, imagesPerSecond: 1 },
  }));

it('prefers the epoch with the best mean accuracy, and of equal ones the first', () => {
  expect(bestEpoch([])).toBeUndefined();
  expect(bestEpoch(epochs(0.2, 0.6, 0.6, 0.5))?.epoch).toBe(2);
  const [one] = epochs(0.5);
  expect(bestEpoch([one, { ...one, epoch: 2, branchAccuracy: 0.9, fullAccuracy: 0.4 }])?.epoch).toBe(2);
});

it('ends after so many epochs without a better one', () => {
  const patience = { patience: 2 };
  expect(isOutOfPatience(patience, epochs(0.5, 0.4))).toBe(false);
  expect(isOutOfPatience(patience, epochs(0.5, 0.4, 0.5))).toBe(true);
  expect(isOutOfPatience(patience, epochs(0.5, 0.4, 0.6, 0.4))).toBe(false);
  expect(isOutOfPatience({}, epochs(0.5, 0.4, 0.3, 0.2))).toBe(false);
  expect(isComplete({ ...resolveConfig({ epochs: 9, patience: 2 }) }, epochs(0.5, 0.4, 0.5))).toBe(true);
});

it('counts anew when a run is extended', () => {
  const extended = [{ epoch: 3, planned: 20 }];
  expect(isOutOfPatience({ patience: 2, extended }, epochs(0.5, 0.4, 0.5))).toBe(false);
  expect(isOutOfPatience({ patience: 2, extended }, epochs(0.5, 0.4, 0.5, 0.1, 0.2))).toBe(true);
});

it('is refused with stages and with recalibration', () => {
  expect(() => resolveConfig({ keep: 'best', recalibration: 5 })).toThrow(/^keep best: expected recalibration 0/);
  expect(() => resolveConfig({ patience: 2, stages: [{ trains: 'full' }] })).toThrow(
    /^patience: expected a recipe without/,
  );
});
