import {
  bestPartition,
  edgeFirst,
  type Partition,
  type PartitionCircumstances,
  type SegmentTimes,
} from './partition-costs.js';
import type { Segment } from './segments.js';

/** An exit of a network with several exits: its layers, and its accuracy. */
export interface ExitChoice {
  /** Counts from 1; absent for the full network. */
  readonly exit?: number;
  readonly segments: readonly Segment[];
  readonly times: readonly SegmentTimes[];
  /** Accuracy on images that were not used in training, in [0, 1]. */
  readonly accuracy: number;
}

/** An exit with its fastest partition. */
export interface ExitPlan {
  readonly choice: ExitChoice;
  readonly partition: Partition;
}

/** The fastest partition of each exit. */
export const exitPlans = (choices: readonly ExitChoice[], circumstances: PartitionCircumstances): ExitPlan[] =>
  choices.map((choice) => ({
    choice,
    partition: bestPartition(edgeFirst(choice.segments, choice.times, circumstances), 'latency'),
  }));

/**
 * Edgent's search (Li et al. 2018, Algorithm 1): finds the most accurate exit that has a partition within the limit,
 * with its fastest partition. If no exit meets the limit, it returns the fastest of all.
 *
 * @param limitMs maximum latency of an answer
 */
export function planEdgent(
  choices: readonly ExitChoice[],
  circumstances: PartitionCircumstances,
  limitMs: number,
): ExitPlan {
  const plans = exitPlans(choices, circumstances);
  const within = plans.filter(({ partition }) => partition.latencyMs <= limitMs);
  if (within.length > 0) {
    return within.reduce((best, plan) => (plan.choice.accuracy > best.choice.accuracy ? plan : best));
  }
  return plans.reduce((best, plan) => (plan.partition.latencyMs < best.partition.latencyMs ? plan : best));
}
