import { sum } from '../base/statistics.js';

/**
 * Expected latency of a network with n exits, from the times of its parts: with the paper's equations (11-16), and with
 * the law of total expectation.
 */

/** Times that an exit adds to an image's latency, in ms. */
export interface ExitTimes {
  /** Time to download the branch (m_i / B_d), or the part of it that is attributed to one image. */
  readonly downloadMs: number;
  /** The part of the trunk between the previous exit and this one. */
  readonly trunkMs: number;
  readonly branchMs: number;
}

export interface DesignTimes {
  /** In the order of the network; at least one. */
  readonly exits: readonly ExitTimes[];
  /** Transfer to the edge and back: round trip, and upload of the last shared part's output (w_n / B_u). */
  readonly uplinkMs: number;
  /** The tail, on the edge. */
  readonly edgeMs: number;
}

/** Accuracies, in [0, 1]. */
export interface Accuracies {
  /** p_1, ..., p_n. */
  readonly branches: readonly number[];
  /** p_m. */
  readonly full: number;
}

export interface PaperExpectation {
  readonly milliseconds: number;
  /** The factors of Eq. 14: one for each exit, then the edge's. */
  readonly weights: readonly number[];
}

/**
 * Expected latency by Eq. 11-16, as printed. With one exit it is correct, as far as accuracies predict exit ratios. With
 * several exits it has two errors. The "possibility" (p_i - p_(i-1)) / p_m of Eq. 11 is a share of all samples, but Eq. 14
 * uses it as a share of the samples that haven't exited yet, so too many reach the edge. And the time of exit i includes
 * those of the earlier exits (Eq. 15, 16), which the sum for the edge counts again.
 *
 * The sum of Eq. 16 is read up to n - 1, as in Eq. 15. A possibility below 0 or above 1 (a branch less accurate than the
 * previous one, or more accurate than the full network) counts as 0 or 1.
 */
export function paperExpectation({ exits, uplinkMs, edgeMs }: DesignTimes, accuracies: Accuracies): PaperExpectation {
  const { branches, full } = accuracies;
  const possibilities = branches.map((accuracy, i) => {
    const gained = (accuracy - (branches[i - 1] ?? 0)) / full;
    return Math.min(1, Math.max(0, gained));
  });
  const weights: number[] = [];
  const times: number[] = [];
  let stays = 1;
  for (const [i, { downloadMs, trunkMs, branchMs }] of exits.entries()) {
    times.push(sum(times) + downloadMs + trunkMs + branchMs); // Eq. 12, 15, 16
    weights.push(stays * possibilities[i]);
    stays *= 1 - possibilities[i];
  }
  times.push(edgeMs + uplinkMs + sum(times));
  weights.push(stays);
  return { milliseconds: sum(times.map((time, i) => time * weights[i])), weights };
}

/**
 * Expected latency by the law of total expectation: the latency of every path through the network, weighted with the
 * share of images that take it. A page downloads the branches of all exits before its first image.
 *
 * @param exitRatios share of all samples that exit early at each exit; the edge answers the rest
 */
export function expectedLatency(times: DesignTimes, exitRatios: readonly number[]): number {
  const ways = wayTimes(times);
  const shares = [...exitRatios, 1 - sum(exitRatios)];
  return sum(ways.map((way, i) => way * shares[i]));
}

/** Latency of an image that exits early at each exit; the last value is for an image that the edge answers. */
export function wayTimes({ exits, uplinkMs, edgeMs }: DesignTimes): number[] {
  let passed = sum(exits.map(({ downloadMs }) => downloadMs));
  const ways = exits.map(({ trunkMs, branchMs }) => {
    passed += trunkMs + branchMs;
    return passed;
  });
  return [...ways, passed + uplinkMs + edgeMs];
}

/** The exit ratio at which a design with one exit has this expected latency; above 1 if no ratio is enough. */
export function neededExitRatio(times: DesignTimes, milliseconds: number): number {
  const [leaves, goesOn] = wayTimes(times);
  return Math.max(0, (goesOn - milliseconds) / (goesOn - leaves));
}
