import { exitsOf } from '../base/exits.js';
import type { Exit } from '../network/layers.js';
import type { Design } from './designs.js';
import type { Accuracies } from './latency.js';

/** Known or assumed exit ratios of a design. */
export interface ExitShares {
  /** Share of all samples that exit early at each exit. */
  readonly ratios: readonly number[];
  /** Source of the ratios: `assumed`, `flags`, or the path of a run. */
  readonly from: string;
  /** Accuracy of each branch and of the full network, if known. */
  readonly accuracies?: Accuracies;
  /** Collaborative accuracy; if τ isn't tuned, the accuracy of the last branch. */
  readonly accuracy?: number;
}

/** A known exit ratio at a depth, from which the ratios at other depths are extrapolated. */
export interface Anchor {
  readonly depth: number;
  readonly ratio: number;
}

/** The share of the full network's multiplications before each exit, in [0, 1]. */
export function exitDepths({ network, cost }: Design): number[] {
  const macs = (counts: (part: string) => boolean): number =>
    cost.layers.filter(({ part }) => counts(part)).reduce((sum, layer) => sum + layer.macs, 0);
  const allMacs = macs((part) => !part.startsWith('branch'));
  let before = 0;
  return exitsOf<Exit>(network).map((_, exit) => {
    before += macs((part) => part === (exit === 0 ? 'shared' : `shared${exit + 1}`));
    return before / allMacs;
  });
}

/**
 * Estimates exit ratios that weren't measured. The share of unanswered samples is assumed to be proportional to the
 * remaining part of the full network, from its value at the anchor down to zero at the end. The size of a branch is
 * ignored.
 */
export function assumedRatios(design: Design, anchor: Anchor): number[] {
  const answered = exitDepths(design).map((depth) => {
    const left = ((1 - anchor.ratio) * (1 - depth)) / (1 - anchor.depth);
    return Math.min(1, Math.max(0, 1 - left));
  });
  return answered.map((share, exit) => share - (answered[exit - 1] ?? 0));
}

/** The accuracies for which Eq. 11 gives these exit ratios. */
export function impliedAccuracies(ratios: readonly number[]): Accuracies {
  return {
    branches: ratios.map((_, exit) => ratios.slice(0, exit + 1).reduce((sum, ratio) => sum + ratio, 0)),
    full: 1,
  };
}
