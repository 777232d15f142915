import { UserError } from '../base/errors.js';
import { mostHarmAllowed, samplesToProve } from './binomial.js';
import { type Curve, pointOf } from './curve.js';
import type { ExitOutcomes } from './exits.js';
import { RISK_LIMITS, type TauLimits } from './objectives.js';
import type { Outcomes } from './outcomes.js';

/** Early exits of the samples of one class at the tuned thresholds. */
export interface ClassHarm {
  readonly samples: number;
  /** Samples that exit early. */
  readonly exits: number;
  /** Samples that exit early with a wrong answer although the full branch is right. */
  readonly harmful: number;
}

/** Early exits by true class. @param labels class number of each sample */
export function harmByClass(
  exits: ExitOutcomes,
  taus: readonly number[],
  labels: ArrayLike<number>,
  classes: number,
): ClassHarm[] {
  const found = Array.from({ length: classes }, () => ({ samples: 0, exits: 0, harmful: 0 }));
  const { fullRight } = exits[0];
  for (let sample = 0; sample < fullRight.length; sample++) {
    const ofClass = found[labels[sample]];
    ofClass.samples++;
    const exit = exits.findIndex(({ entropy }, i) => entropy[sample] < taus[i]);
    if (exit < 0) continue;
    ofClass.exits++;
    if (fullRight[sample] > exits[exit].branchRight[sample]) ofClass.harmful++;
  }
  return found;
}

/** The classes for which a limit of harmful exits can be proven. */
export interface CertifiedClasses {
  /** Class numbers, ascending. */
  readonly classes: readonly number[];
  /** Whether the limit is also proven for all samples together. If every class is certified, it follows. */
  readonly andAll: boolean;
  /** δ of each proof: an equal share for each class, and for all samples together. */
  readonly delta: number;
  /** Number of samples that one more class needs. */
  readonly needed: number;
}

/**
 * As many classes as have enough samples, the largest first. The choice depends on the numbers of samples alone, so it
 * doesn't weaken the proofs.
 *
 * @throws UserError if no class has enough samples
 */
export function certifiedClasses(
  counts: readonly number[],
  { epsilon = RISK_LIMITS.epsilon, delta = RISK_LIMITS.delta }: TauLimits,
): CertifiedClasses {
  const shareOf = (certified: number): number => delta / (certified < counts.length ? certified + 1 : certified);
  const largestFirst = counts.map((_, label) => label).sort((a, b) => counts[b] - counts[a]);
  let certified = 0;
  for (let n = 1; n <= counts.length; n++) {
    if (mostHarmAllowed(counts[largestFirst[n - 1]], epsilon, shareOf(n)) >= 0) certified = n;
  }
  if (certified === 0) {
    throw new UserError(
      `per-class: expected a class with ${samplesToProve(epsilon, shareOf(1))} validation images or more, to prove ` +
        `epsilon ${epsilon} at delta ${delta}; the largest has ${counts[largestFirst[0]]}. Give a larger --epsilon, ` +
        'or train with a larger --validation',
    );
  }
  return {
    classes: largestFirst.slice(0, certified).sort((a, b) => a - b),
    andAll: certified < counts.length,
    delta: shareOf(certified),
    needed: samplesToProve(epsilon, shareOf(Math.min(counts.length, certified + 1))),
  };
}

/**
 * The largest τ for which, with confidence 1 - δ, at most a share ε of the samples of each certified class, and of all
 * samples together, exits harmfully. The test of `risk` applies to each of these groups with its share of δ (union bound); the
 * smallest of their thresholds holds for all of them, because a lower τ never adds a harmful exit.
 *
 * Folds have fewer samples than the whole: a group that can't prove ε then allows no harmful exit.
 *
 * @param curve of the same outcomes
 * @returns a point of the curve
 */
export function pointByClass(
  { entropy, branchRight, fullRight }: Outcomes,
  curve: Curve,
  labels: ArrayLike<number>,
  epsilon: number,
  { classes, delta, andAll }: CertifiedClasses,
): number {
  const ofAll: number[] = [];
  const byClass = new Map(classes.map((label) => [label, { samples: 0, harmful: [] as number[] }]));
  for (let sample = 0; sample < entropy.length; sample++) {
    const isHarmful = branchRight[sample] < fullRight[sample];
    if (isHarmful) ofAll.push(entropy[sample]);
    const group = byClass.get(labels[sample]);
    if (!group) continue;
    group.samples++;
    if (isHarmful) group.harmful.push(entropy[sample]);
  }
  const groups = [...(andAll ? [{ samples: entropy.length, harmful: ofAll }] : []), ...byClass.values()];
  const bounds = groups.map(({ samples, harmful }) => {
    const allowed = Math.max(0, mostHarmAllowed(samples, epsilon, delta));
    return Float64Array.from(harmful).sort()[allowed] ?? 1;
  });
  return Math.min(curve.tau.length - 1, pointOf(curve, Math.min(...bounds)));
}
