import { sum } from '../base/statistics.js';

/**
 * Expected latency of a network with n exits, from the times of its parts: as the paper has it (Eq. 11-16), and by the
 * law of total expectation.
 */

/** What an exit adds to the way of an image, in ms. */
export interface ExitTimes {
  /** Fetching what the branch needs (m_i / B_d), as far as one image bears it. */
  readonly downloadMs: number;
  /** The part of the trunk before the exit that the exits before it have not computed. */
  readonly trunkMs: number;
  readonly branchMs: number;
}

export interface DesignTimes {
  /** In the order of the network; one at least. */
  readonly exits: readonly ExitTimes[];
  /** From the last exit to the edge and back: round trip, and what the last shared part gave (w_n / B_u). */
  readonly uplinkMs: number;
  /** The rest of the full network, on the edge. */
  readonly edgeMs: number;
}

/** Shares of samples that are answered right, in [0, 1]. */
export interface Accuracies {
  /** p_1, ..., p_n. */
  readonly branches: readonly number[];
  /** p_m. */
  readonly full: number;
}

export interface PaperExpectation {
  readonly milliseconds: number;
  /** What Eq. 14 multiplies the times with: one for each exit, then the edge's. */
  readonly weights: readonly number[];
}

/**
 * Expected latency by Eq. 11-16, as printed. With one exit it is right, as far as accuracies tell who leaves. With more,
 * the "possibility" (p_i - p_(i-1)) / p_m of Eq. 11 is a share of all samples, but Eq. 14 takes it for a share of those
 * that have not left before, so that too many reach the edge; and the time of exit i contains those of the exits before
 * it (Eq. 15, 16), which the edge's sum then counts again.
 *
 * Eq. 16's sum is read up to n - 1, as Eq. 15 has it. A possibility below 0 or above 1 (a branch less accurate than the
 * one before, or more than the full network) counts as 0 or 1.
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
 * Expected latency by the law of total expectation: each way that an image can take, times the share that takes it. A
 * page fetches the branches of all exits before its first image, and an image computes what lies on its way, once.
 *
 * @param exitRatios share of all samples that leaves at each exit; the rest is answered by the edge
 */
export function expectedLatency(times: DesignTimes, exitRatios: readonly number[]): number {
  const ways = wayTimes(times);
  const shares = [...exitRatios, 1 - sum(exitRatios)];
  return sum(ways.map((way, i) => way * shares[i]));
}

/** Latency of an image that leaves at each exit, and last of one that the edge answers. */
export function wayTimes({ exits, uplinkMs, edgeMs }: DesignTimes): number[] {
  let passed = sum(exits.map(({ downloadMs }) => downloadMs));
  const ways = exits.map(({ trunkMs, branchMs }) => {
    passed += trunkMs + branchMs;
    return passed;
  });
  return [...ways, passed + uplinkMs + edgeMs];
}

/** The share of images that must leave at the one exit of a design for this expected latency; above 1 none is enough. */
export function neededExitRatio(times: DesignTimes, milliseconds: number): number {
  const [leaves, goesOn] = wayTimes(times);
  return Math.max(0, (goesOn - milliseconds) / (goesOn - leaves));
}
