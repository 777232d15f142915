import { exitsOf } from '../base/exits.js';
import type { Exit } from '../network/layers.js';
import type { Design } from './designs.js';
import type { Accuracies } from './latency.js';

/** What is known of how the samples leave a design. */
export interface ExitShares {
  /** Share of all samples that leaves at each exit. */
  readonly ratios: readonly number[];
  /** Where the ratios come from: `assumed`, `flags`, or the path of a run. */
  readonly from: string;
  /** Of each branch and of the full network, where known. */
  readonly accuracies?: Accuracies;
  /** Of all exits and the edge together; where τ is not tuned, of the last branch alone. */
  readonly accuracy?: number;
}

/** A ratio at a place: what the assumption for the other places starts from. */
export interface Anchor {
  readonly depth: number;
  readonly ratio: number;
}

/** The share of the full network's multiplications that lies before each exit, in [0, 1]. */
export function exitDepths({ network, cost }: Design): number[] {
  const macs = (counts: (part: string) => boolean): number =>
    cost.layers.filter(({ part }) => counts(part)).reduce((sum, layer) => sum + layer.macs, 0);
  const whole = macs((part) => !part.startsWith('branch'));
  let before = 0;
  return exitsOf<Exit>(network).map((_, exit) => {
    before += macs((part) => part === (exit === 0 ? 'shared' : `shared${exit + 1}`));
    return before / whole;
  });
}

/**
 * Exit ratios where nobody has measured: the share of samples that is not answered yet falls in proportion to what is
 * left of the full network behind the last exit that they passed, from what it is at the anchor to nothing at the end,
 * where the branch is the full network's last layer. A branch's size is taken to make no difference.
 */
export function assumedRatios(design: Design, anchor: Anchor): number[] {
  const answered = exitDepths(design).map((depth) => {
    const left = ((1 - anchor.ratio) * (1 - depth)) / (1 - anchor.depth);
    return Math.min(1, Math.max(0, 1 - left));
  });
  return answered.map((share, exit) => share - (answered[exit - 1] ?? 0));
}

/** Accuracies that Eq. 11 would need for these exit ratios. */
export function impliedAccuracies(ratios: readonly number[]): Accuracies {
  return {
    branches: ratios.map((_, exit) => ratios.slice(0, exit + 1).reduce((sum, ratio) => sum + ratio, 0)),
    full: 1,
  };
}
