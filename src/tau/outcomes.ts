import { UserError } from '../base/errors.js';
import { entropies } from './entropy.js';

/** Outcomes of both branches for n labelled samples. To tune τ, never use the test split. */
export interface Outcomes {
  /** Normalised entropy of the branch's answer (Eq. 7), n values in [0, 1]. */
  readonly entropy: Float32Array | Float64Array;
  /** 1 if the branch is right, else 0. */
  readonly branchRight: Uint8Array;
  /** 1 if the full branch is right, else 0. */
  readonly fullRight: Uint8Array;
}

/**
 * Computes the outcomes of each exit from the logits of all branches, each [n, classes] row-major, and the n labels.
 *
 * @param temperature of the entropies
 * @throws UserError if a length doesn't match or a logit isn't finite
 */
export function outcomesFromLogits(
  logits: { readonly branches: readonly Float32Array[]; readonly full: Float32Array },
  labels: ArrayLike<number>,
  classes: number,
  temperature?: number,
): Outcomes[] {
  const fullRight = hits(logits.full, labels, classes);
  return logits.branches.map((branch) => {
    const outcomes = {
      entropy: entropies(branch, classes, temperature),
      branchRight: hits(branch, labels, classes),
      fullRight,
    };
    checkOutcomes(outcomes);
    return outcomes;
  });
}

/** @throws UserError if there are no samples, the lengths differ, or a value is out of range */
export function checkOutcomes({ entropy, branchRight, fullRight }: Outcomes): void {
  const samples = entropy.length;
  if (samples === 0) throw new UserError('outcomes: expected at least one sample, found none; validate on more images');
  for (const [name, right] of Object.entries({ branchRight, fullRight })) {
    if (right.length !== samples) {
      throw new UserError(`outcomes: expected ${samples} values of ${name}, one per entropy, found ${right.length}`);
    }
    const wrong = right.findIndex((value) => value > 1);
    if (wrong >= 0) throw new UserError(`outcomes: expected 0 or 1 in ${name}[${wrong}], found ${right[wrong]}`);
  }
  for (let i = 0; i < samples; i++) {
    if (!(entropy[i] >= 0 && entropy[i] <= 1)) {
      throw new UserError(
        `outcomes: expected an entropy in [0, 1], found ${entropy[i]} for sample ${i}; normalise it by the logarithm of the number of classes`,
      );
    }
  }
}

/** The outcomes of some of the samples. */
export function subset({ entropy, branchRight, fullRight }: Outcomes, samples: Int32Array): Outcomes {
  const chosen = {
    entropy: new Float64Array(samples.length),
    branchRight: new Uint8Array(samples.length),
    fullRight: new Uint8Array(samples.length),
  };
  for (let i = 0; i < samples.length; i++) {
    chosen.entropy[i] = entropy[samples[i]];
    chosen.branchRight[i] = branchRight[samples[i]];
    chosen.fullRight[i] = fullRight[samples[i]];
  }
  return chosen;
}

/** The number of ones. */
export function count(right: Uint8Array): number {
  let ones = 0;
  for (let i = 0; i < right.length; i++) ones += right[i];
  return ones;
}

/** The result of Algorithm 3 at a threshold: the branch answers if its entropy is below τ, otherwise the full branch. */
export function collaborative(outcomes: Outcomes, tau: number): { accuracy: number; exitRatio: number } {
  checkOutcomes(outcomes);
  const { entropy, branchRight, fullRight } = outcomes;
  let exits = 0;
  let right = 0;
  for (let i = 0; i < entropy.length; i++) {
    const exitsEarly = entropy[i] < tau;
    if (exitsEarly) exits++;
    right += exitsEarly ? branchRight[i] : fullRight[i];
  }
  return { accuracy: right / entropy.length, exitRatio: exits / entropy.length };
}

/** 1 for each row whose largest logit (the first, if there are several) is that of its label. */
function hits(logits: Float32Array, labels: ArrayLike<number>, classes: number): Uint8Array {
  if (logits.length !== labels.length * classes) {
    throw new UserError(
      `logits: expected ${labels.length} labels x ${classes} classes = ${labels.length * classes} values, found ${logits.length}`,
    );
  }
  return Uint8Array.from(labels, (label, sample) => {
    const row = sample * classes;
    let best = 0;
    for (let i = 1; i < classes; i++) if (logits[row + i] > logits[row + best]) best = i;
    return best === label ? 1 : 0;
  });
}
