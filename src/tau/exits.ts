import { UserError } from '../base/errors.js';
import { thresholdCurve } from './curve.js';
import { OBJECTIVES, type ObjectiveName, RISK_LIMITS, type TauLimits } from './objectives.js';
import { checkOutcomes, type Outcomes, subset } from './outcomes.js';

/** Outcomes of several exits for the same samples, in order, all with the same `fullRight`. */
export type ExitOutcomes = readonly Outcomes[];

/** Results of all exits and the full branch together. Shares of all samples, in [0, 1]. */
export interface CollaborativeResult {
  readonly accuracy: number;
  /** Samples that exit early, at any exit. */
  readonly exitRatio: number;
  /** With several exits: samples that exit early at each. */
  readonly exitRatios?: readonly number[];
}

/** Thresholds for all exits, with the limits and the note of the objective. */
export interface TunedThresholds extends Pick<TauLimits, 'epsilon' | 'delta'> {
  readonly taus: readonly number[];
  readonly note?: string;
}

/** Algorithm 3 with several exits: a sample exits at the first exit whose τ is above the sample's entropy. */
export function collaborativeExits(exits: ExitOutcomes, taus: readonly number[]): CollaborativeResult {
  exits.forEach(checkOutcomes);
  const samples = exits[0].entropy.length;
  const exitCounts = exits.map(() => 0);
  const right = rightAnswers(exits, taus, exits[0].fullRight, (exit) => {
    exitCounts[exit]++;
  });
  const hits = right.reduce((sum, one) => sum + one, 0);
  const allExits = exitCounts.reduce((sum, count) => sum + count, 0);
  return {
    accuracy: hits / samples,
    exitRatio: allExits / samples,
    ...(exits.length > 1 ? { exitRatios: exitCounts.map((count) => count / samples) } : {}),
  };
}

/** The share of samples that exit early with a wrong answer although the full branch is right. */
export function harmfulShare(exits: ExitOutcomes, taus: readonly number[]): number {
  const { fullRight } = exits[0];
  const right = rightAnswers(exits, taus, fullRight);
  return fullRight.reduce((harm, full, sample) => harm + (full > right[sample] ? 1 : 0), 0) / fullRight.length;
}

/** 1 for every sample that is answered correctly, by an exit or the full branch, else 0. Calls `onExit` for each early exit. */
function rightAnswers(
  exits: ExitOutcomes,
  taus: readonly number[],
  fullRight: Uint8Array,
  onExit: (exit: number) => void = () => {},
): Uint8Array {
  return fullRight.map((right, sample) => {
    const exit = exits.findIndex(({ entropy }, i) => entropy[sample] < taus[i]);
    if (exit < 0) return right;
    onExit(exit);
    return exits[exit].branchRight[sample];
  });
}

type ExitsSearch = (exits: ExitOutcomes, limits: TauLimits) => TunedThresholds;

/** The objectives that support several exits. Each applies the search for one exit, exit by exit. */
const SEARCHES: { readonly [Name in ObjectiveName]?: ExitsSearch } = {
  /**
   * Divides ε and δ equally, and compares every exit with the full branch itself. At exit i, at most a share ε/n of all
   * samples exits harmfully with confidence 1 - δ/n, whatever the other thresholds are; together at most ε with confidence
   * 1 - δ (union bound). Comparing an exit with the answers of later exits wouldn't work: the test would depend on
   * thresholds chosen from the same samples, and its bound would prove nothing.
   */
  risk: (exits, { epsilon = RISK_LIMITS.epsilon, delta = RISK_LIMITS.delta }) => {
    const share = { epsilon: epsilon / exits.length, delta: delta / exits.length };
    const found = exits.map((exit) => searchExit(exit, 'risk', share));
    const note = found[0].note && `each of ${exits.length} exits has its share: ${found[0].note}`;
    const proven = found.reduce((sum, choice) => sum + (choice.epsilon ?? 0), 0);
    return { taus: found.map(({ tau }) => tau), epsilon: proven, delta, ...(note ? { note } : {}) };
  },
  /**
   * Backward induction with ε in equal shares: exit n is compared with the full branch, then every earlier exit with the
   * combined answers of the later exits and the full branch, so that no exit costs more accuracy than its share.
   */
  exits: (exits, { epsilon = 0 }) => {
    let taus = exits.map(() => 0);
    for (let exit = exits.length - 1; exit >= 0; exit--) {
      taus = tuneOne(exits, taus, exit, 'exits', { epsilon: epsilon / exits.length });
    }
    return { taus, epsilon };
  },
  /**
   * Coordinate ascent. Starts with one exit tuned alone, then tunes the exits from last to first, each to its optimum while
   * the others stay fixed, until accuracy stops improving. No step loses accuracy, and every exit is tried as the start, so
   * the best result is at least as accurate as any exit alone.
   */
  accuracy: (exits) => {
    const closed = exits.map(() => 0);
    const ends = exits.map((_, first) => {
      let taus = tuneOne(exits, closed, first, 'accuracy', {});
      let together = collaborativeExits(exits, taus);
      for (;;) {
        for (let exit = exits.length - 1; exit >= 0; exit--) taus = tuneOne(exits, taus, exit, 'accuracy', {});
        const next = collaborativeExits(exits, taus);
        if (next.accuracy <= together.accuracy) return { taus, ...next };
        together = next;
      }
    });
    return ends.reduce((best, end) => (isBetter(end, best) ? end : best));
  },
};

/** The search for several exits. @throws UserError if the objective supports only one exit */
export function exitsSearch(objective: ObjectiveName, exits: number): ExitsSearch {
  const search = SEARCHES[objective];
  if (search) return search;
  const known = Object.keys(SEARCHES).join(', ');
  throw new UserError(`tune-tau: expected an objective of ${known} for ${exits} exits, found ${objective}`);
}

/** @throws UserError for invalid outcomes, or an objective that supports only one exit */
export function searchExits(exits: ExitOutcomes, objective: ObjectiveName, limits: TauLimits): TunedThresholds {
  exits.forEach(checkOutcomes);
  const { taus, epsilon, delta, note } = exitsSearch(objective, exits.length)(exits, limits);
  return {
    taus,
    ...(epsilon === undefined ? {} : { epsilon }),
    ...(delta === undefined ? {} : { delta }),
    ...(note === undefined ? {} : { note }),
  };
}

function isBetter(a: CollaborativeResult, b: CollaborativeResult): boolean {
  return a.accuracy > b.accuracy || (a.accuracy === b.accuracy && a.exitRatio > b.exitRatio);
}

function searchExit(outcomes: Outcomes, objective: ObjectiveName, limits: TauLimits) {
  const curve = thresholdCurve(outcomes);
  const choice = OBJECTIVES[objective](curve, limits);
  return { ...choice, tau: curve.tau[choice.point] };
}

/**
 * The thresholds after tuning one exit while the others stay fixed: the search for one exit, on the samples that reach it,
 * with the combined answers of the later exits in place of the full branch.
 */
function tuneOne(
  exits: ExitOutcomes,
  taus: readonly number[],
  exit: number,
  objective: ObjectiveName,
  limits: TauLimits,
): number[] {
  const before = exits.slice(0, exit);
  const coming = Int32Array.from(exits[exit].entropy.keys()).filter(
    (sample) => !before.some(({ entropy }, i) => entropy[sample] < taus[i]),
  );
  if (coming.length === 0) return [...taus];
  const fullRight = rightAnswers(exits.slice(exit + 1), taus.slice(exit + 1), exits[exit].fullRight);
  const { tau } = searchExit(subset({ ...exits[exit], fullRight }, coming), objective, limits);
  return taus.map((other, i) => (i === exit ? tau : other));
}
