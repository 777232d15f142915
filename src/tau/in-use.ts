import { UserError } from '../base/errors.js';
import { percent } from '../base/format.js';
import { sum } from '../base/statistics.js';
import { mostHarmAllowed, provesMore } from './binomial.js';
import { RISK_LIMITS } from './objectives.js';

/**
 * What an edge server learns about τ in use (4.4). For every image that it receives, it knows the branch's entropy and
 * class, and the full network's class. It has no labels. Of images that exit early it knows only the number, except for a
 * sample that clients send as well (audits).
 *
 * Everything is a count, so no image data is kept. Bins get wider with the entropy, because interesting τ are small.
 */
export interface UseCounts {
  /** The threshold that clients used. */
  readonly tau: number;
  /** Images that exited early and weren't sent. */
  exits: number;
  /** Images sent because the branch was unsure, and those of them where its class differs from the full network's. */
  readonly unsure: { readonly all: number[]; readonly disagreed: number[] };
  /** The same for audits: images that were sent although the branch was sure. */
  readonly audited: { readonly all: number[]; readonly disagreed: number[] };
}

/** A power of two, so that the start of a bin is exact. */
export const ENTROPY_BINS = 512;

/** The bin of an entropy in [0, 1]. */
export function entropyBin(entropy: number): number {
  return Math.min(ENTROPY_BINS - 1, Math.floor(ENTROPY_BINS * Math.sqrt(entropy)));
}

/** The bin that contains a threshold; for τ = 1, the end of the last bin. */
function binOf(tau: number): number {
  return tau === 1 ? ENTROPY_BINS : entropyBin(tau);
}

/** Start of a bin: (i / bins)². */
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

/** Results of a threshold on the counted images, as shares of all images. Below the current τ these are estimates. */
export interface UsePoint {
  readonly tau: number;
  readonly exitRatio: number;
  /** Images that exit early with a class that differs from the full network's. */
  readonly disagreement: number;
}

export interface Proposal extends UsePoint {
  /** Why this τ was chosen. */
  readonly reason: string;
  readonly present: UsePoint;
  readonly evidence: {
    readonly images: number;
    readonly sent: number;
    readonly audited: number;
    readonly epsilon: number;
    readonly delta: number;
  };
  /** The trade-off in use, τ ascending: above the current τ, and below it if there were audits. */
  readonly curve: readonly UsePoint[];
}

/**
 * Proposes a new τ from counts in use, without labels. It bounds disagreement with the full network, which includes all
 * harmful exits (the branch is wrong and the full network right).
 *
 * Raising τ follows the rule of objective `risk`: the largest τ at which, with confidence 1 - δ, at most a further share ε
 * of all images would exit early with a class that differs from the full network's. Lowering τ needs evidence: audits must
 * prove, with the same confidence, that more than ε of all images already do so. The result is then the largest τ at which
 * the audits don't prove that.
 *
 * @throws UserError for limits outside (0, 1)
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
  /** Early exits represented by one audited image. */
  const each = auditedCount === 0 ? 0 : sure / auditedCount;
  const pointAt = (tau: number): UsePoint => {
    const bin = binOf(tau);
    const disagreedEarly = each * below.disagreed[tau < counts.tau ? bin : ENTROPY_BINS];
    if (tau < counts.tau) return { tau, exitRatio: share(each * below.all[bin]), disagreement: share(disagreedEarly) };
    // The bin of the current τ also contains images above it.
    const more = tau === counts.tau ? 0 : bin;
    return {
      tau,
      exitRatio: share(sure + above.all[more]),
      disagreement: share(disagreedEarly + above.disagreed[more]),
    };
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

  // Audits are a sample of the early exits. At the same rate, an audit of all images would have this size.
  const sample = auditedCount === 0 ? 0 : Math.round(images / each);
  const tooMany = (disagreed: number) => provesMore(sample, disagreed, epsilon, delta);
  if (tooMany(below.disagreed[ENTROPY_BINS])) {
    const tau = lower.findLast((start) => !tooMany(below.disagreed[binOf(start)])) ?? 0;
    const found = `${below.disagreed[ENTROPY_BINS]} of ${auditedCount} audited images`;
    return propose(
      tau,
      `${found} had another class than the full network's: more than ${percent(epsilon)} of all images exit that way`,
    );
  }
  const allowed = mostHarmAllowed(images, epsilon, delta);
  if (allowed < 0) {
    const needed = Math.ceil(Math.log(delta) / Math.log1p(-epsilon));
    return propose(counts.tau, `${images} images are too few to prove anything: at least ${needed} are needed`);
  }
  const tau = higher.findLast((start) => above.disagreed[binOf(start)] <= allowed);
  if (tau === undefined)
    return propose(counts.tau, "too many of the images right above it have another class than the full network's");
  const found = above.disagreed[binOf(tau)];
  return propose(
    tau,
    `${found} more of ${images} images would exit early with another class than the full network's; ${allowed} are allowed`,
  );
}

/** Entry i is the sum of the first i values. */
function cumulative(values: readonly number[]): number[] {
  const sums = [0];
  for (const value of values) sums.push(sums[sums.length - 1] + value);
  return sums;
}
