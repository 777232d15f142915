import { UserError } from '../base/errors.js';
import { percent } from '../base/format.js';
import { sum } from '../base/statistics.js';
import { mostHarmAllowed, provesMore } from './binomial.js';
import { RISK_LIMITS } from './objectives.js';

/**
 * What an edge server learns of τ from real use (4.4): of every image that it is sent it knows the branch's entropy and
 * class, and the full network's class. It has no labels, and sees nothing of images that left at the branch but their
 * number, and a share of them that clients send all the same (audits).
 *
 * All are counts, so that nothing of an image is kept. Bins of entropy grow with it: the interesting τ are small.
 */
export interface UseCounts {
  /** The threshold that clients had meanwhile. */
  readonly tau: number;
  /** Images that left at the branch and were not sent. */
  exits: number;
  /** Images that were sent because the branch was unsure; of them, those of another class than the full network's. */
  readonly unsure: { readonly all: number[]; readonly disagreed: number[] };
  /** The same of images that were sent although the branch was sure. */
  readonly audited: { readonly all: number[]; readonly disagreed: number[] };
}

/** A power of two: where a bin begins is exact. */
export const ENTROPY_BINS = 512;

/** The bin of an entropy in [0, 1]. */
export function entropyBin(entropy: number): number {
  return Math.min(ENTROPY_BINS - 1, Math.floor(ENTROPY_BINS * Math.sqrt(entropy)));
}

/** The bin that begins at a threshold, or has it within; τ = 1 ends the last one. */
function binOf(tau: number): number {
  return tau === 1 ? ENTROPY_BINS : entropyBin(tau);
}

/** Where a bin begins: (i / bins)². */
export function binStart(bin: number): number {
  return (bin / ENTROPY_BINS) ** 2;
}

export function emptyUseCounts(tau: number): UseCounts {
  const zeros = () => ({ all: Array<number>(ENTROPY_BINS).fill(0), disagreed: Array<number>(ENTROPY_BINS).fill(0) });
  return { tau, exits: 0, unsure: zeros(), audited: zeros() };
}

/** Counts an image that was sent. */
export function countSent(counts: UseCounts, entropy: number, agreed: boolean): void {
  const { all, disagreed } = entropy < counts.tau ? counts.audited : counts.unsure;
  const bin = entropyBin(entropy);
  all[bin]++;
  if (!agreed) disagreed[bin]++;
}

/** What a threshold would have done with the images counted, as shares of them all; below the present τ, estimates. */
export interface UsePoint {
  readonly tau: number;
  readonly exitRatio: number;
  /** Images that leave at the branch with another class than the full network's. */
  readonly disagreement: number;
}

export interface Proposal extends UsePoint {
  /** Why this τ. */
  readonly reason: string;
  readonly present: UsePoint;
  readonly evidence: {
    readonly images: number;
    readonly sent: number;
    readonly audited: number;
    readonly epsilon: number;
    readonly delta: number;
  };
  /** The trade-off in use, τ ascending: above the present τ, and below it where there were audits. */
  readonly curve: readonly UsePoint[];
}

/**
 * A new τ from real use, without labels. What is bounded is disagreement with the full network, of which harmful exits
 * (wrong, where the full network is right) are a part.
 *
 * Upwards by the rule of objective `risk`: the largest τ for which, with confidence 1 - δ, at most a share ε of all images
 * would leave in addition with another class than the full network's. Downwards only on evidence: where audits prove, with
 * the same confidence, that more than ε leave so already, the largest τ of which they prove no such thing.
 *
 * @throws UserError for limits that are no shares
 */
export function proposeTau(
  counts: UseCounts,
  { epsilon = RISK_LIMITS.epsilon, delta = RISK_LIMITS.delta }: { epsilon?: number; delta?: number } = {},
): Proposal {
  for (const [name, value] of Object.entries({ epsilon, delta })) {
    if (!(value > 0 && value < 1)) throw new UserError(`${name}: expected a number in (0, 1), found ${value}`);
  }
  const { exits, unsure, audited } = counts;
  const [sentCount, auditedCount] = [sum(unsure.all), sum(audited.all)];
  const sure = exits + auditedCount;
  const images = sure + sentCount;
  const present = entropyBin(counts.tau);
  const sumsOf = ({ all, disagreed }: UseCounts['unsure']) => ({
    all: cumulative(all),
    disagreed: cumulative(disagreed),
  });
  const above = sumsOf(unsure);
  const below = sumsOf(audited);

  const share = (count: number) => (images === 0 ? 0 : count / images);
  /** Sure images that an audited one stands for. */
  const each = auditedCount === 0 ? 0 : sure / auditedCount;
  const pointAt = (tau: number): UsePoint => {
    const bin = binOf(tau);
    const leave = each * below.disagreed[tau < counts.tau ? bin : ENTROPY_BINS];
    if (tau < counts.tau) return { tau, exitRatio: share(each * below.all[bin]), disagreement: share(leave) };
    // The bin of the present τ holds images above it.
    const more = tau === counts.tau ? 0 : bin;
    return { tau, exitRatio: share(sure + above.all[more]), disagreement: share(leave + above.disagreed[more]) };
  };
  const starts = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => binStart(from + i));
  const lower = auditedCount === 0 ? [] : starts(0, present + 1).filter((tau) => tau < counts.tau);
  const higher = starts(present + 1, ENTROPY_BINS + 1).filter((tau) => tau > counts.tau);
  const propose = (tau: number, reason: string): Proposal => ({
    ...pointAt(tau),
    reason,
    present: pointAt(counts.tau),
    evidence: { images, sent: sentCount, audited: auditedCount, epsilon, delta },
    curve: [...lower, counts.tau, ...higher].map(pointAt),
  });

  // Audits are a sample of the sure images: had all images been audited at their rate, it would be so many.
  const sample = auditedCount === 0 ? 0 : Math.round(images / each);
  const tooMany = (disagreed: number) => provesMore(sample, disagreed, epsilon, delta);
  if (tooMany(below.disagreed[ENTROPY_BINS])) {
    const tau = lower.findLast((start) => !tooMany(below.disagreed[binOf(start)])) ?? 0;
    const found = `${below.disagreed[ENTROPY_BINS]} of ${auditedCount} audited images`;
    return propose(
      tau,
      `${found} had another class than the full network's: more than ${percent(epsilon)} of all leave so`,
    );
  }
  const allowed = mostHarmAllowed(images, epsilon, delta);
  if (allowed < 0) {
    const needed = Math.ceil(Math.log(delta) / Math.log1p(-epsilon));
    return propose(counts.tau, `${images} images prove nothing: it takes ${needed}`);
  }
  const tau = higher.findLast((start) => above.disagreed[binOf(start)] <= allowed);
  if (tau === undefined)
    return propose(counts.tau, "the images right above it have too many other classes than the full network's");
  const found = above.disagreed[binOf(tau)];
  return propose(
    tau,
    `${found} of ${images} images more would leave with another class than the full network's; ${allowed} may`,
  );
}

/** Entry i is the sum of the first i values. */
function cumulative(values: readonly number[]): number[] {
  const sums = [0];
  for (const value of values) sums.push(sums[sums.length - 1] + value);
  return sums;
}
