import { UserError } from '../base/errors.js';
import { exitsOf, numbered } from '../base/exits.js';
import { shareInterval } from '../evaluation/confidence-interval.js';
import { accuracyDrop, type PairedComparison } from '../evaluation/mcnemar.js';
import type { JointNetwork } from '../network/layers.js';
import type { Tested } from '../run/results.js';
import { checkGate, type Gate } from './gate.js';

/** Limits for an evaluation. All numbers are shares in [0, 1]. */
export interface EvaluationLimits {
  /** Lowest accuracies, by name: `full`, `branch` (`branch2`, ... with several exits), `both`. */
  readonly minAccuracy?: Readonly<Record<string, number>>;
  /** Lowest share of images that exit early. */
  readonly minExits?: number;
  /** Highest share of images that exit early with a wrong answer although the full branch is right. */
  readonly maxHarm?: number;
  /** Largest loss of accuracy against a baseline, by name: `full`, `both`. Needs a comparison. */
  readonly maxDrop?: Readonly<Record<string, number>>;
  /** Require that the worse end of each 95 % interval passes, and not only the measured value. */
  readonly confident?: boolean;
}

/** Checks limits before anything is trained or evaluated. @throws UserError if one isn't a share, or lacks a baseline */
export function requireLimits({ minAccuracy, minExits, maxHarm, maxDrop }: EvaluationLimits, against?: string): void {
  requireNamedShares('--min-accuracy', minAccuracy, /^(full|both|branch\d*)$/, 'full, branch (branch2, ...) or both');
  requireNamedShares('--max-drop', maxDrop, /^(full|both)$/, 'full or both');
  if (minExits !== undefined) requireShare('--min-exits', minExits);
  if (maxHarm !== undefined) requireShare('--max-harm', maxHarm);
  if (against === undefined && Object.keys({ ...maxDrop }).length > 0) {
    throw new UserError('--max-drop: expected a run to compare with, found none; give --against');
  }
}

function requireNamedShares(flag: string, shares: object = {}, names: RegExp, expected: string): void {
  for (const [name, limit] of Object.entries(shares)) {
    if (!names.test(name)) throw new UserError(`${flag}: expected the name ${expected}, found ${name}`);
    requireShare(flag, limit);
  }
}

/** Whether there is a limit at all. */
export const hasLimits = ({ confident: _, ...limits }: EvaluationLimits): boolean =>
  Object.values(limits).some((limit) =>
    typeof limit === 'object' ? Object.keys(limit).length > 0 : limit !== undefined,
  );

/** A run and a baseline on the same images: the run is the first. */
export interface ComparedAccuracies {
  readonly full: PairedComparison;
  readonly collaborative?: PairedComparison;
}

/**
 * Compares an evaluation with limits.
 *
 * @throws UserError if a limit isn't a share, or the evaluation doesn't have the value that it is for
 */
export function evaluationGates(
  network: JointNetwork,
  tested: Tested,
  limits: EvaluationLimits,
  comparison?: ComparedAccuracies,
): Gate[] {
  const { minAccuracy = {}, minExits, maxHarm, maxDrop = {}, confident } = limits;
  const share = (name: string, bound: Gate['bound'], limit: number, value: number): Gate =>
    checkGate({
      ...{ name, unit: 'share', bound, limit, value, confident },
      interval: shareInterval(Math.round(value * tested.samples), tested.samples),
    });
  const accuracies = accuraciesByName(network, tested);
  return [
    ...Object.entries(minAccuracy).map(([name, limit]) =>
      share(`accuracy of ${name}`, 'min', requireShare('--min-accuracy', limit), find(name, accuracies)),
    ),
    ...(minExits === undefined
      ? []
      : [share('early exits', 'min', requireShare('--min-exits', minExits), tuned(tested).exitRatio)]),
    ...(maxHarm === undefined
      ? []
      : [share('harmful exits', 'max', requireShare('--max-harm', maxHarm), tuned(tested).harm!)]),
    ...Object.entries(maxDrop).map(([name, limit]) => {
      const pair = find(name, { full: comparison?.full, both: comparison?.collaborative });
      return checkGate({
        ...{ name: `drop of ${name} against the baseline`, unit: 'share', bound: 'max' },
        limit: requireShare('--max-drop', limit),
        ...{ ...accuracyDrop(pair), confident },
      });
    }),
  ];
}

function accuraciesByName(network: JointNetwork, tested: Tested): Record<string, number | undefined> {
  const branches = network.branch.length === 0 ? [] : exitsOf<Pick<Tested, 'branch'>>(tested);
  return {
    full: tested.full.accuracy,
    ...Object.fromEntries(branches.map(({ branch }, i) => [numbered('branch', i), branch.accuracy])),
    both: tested.collaborative?.accuracy,
  };
}

function find<Value>(name: string, values: Readonly<Record<string, Value | undefined>>): Value {
  const value = values[name];
  if (value !== undefined) return value;
  const known = Object.keys(values).filter((known) => values[known] !== undefined);
  const hint = name === 'both' ? '; run "lcdnn tune-tau" first' : '';
  throw new UserError(`gate: expected one of the measured accuracies ${known.join(', ')}, found ${name}${hint}`);
}

function tuned({ collaborative }: Tested): NonNullable<Tested['collaborative']> {
  if (collaborative) return collaborative;
  throw new UserError('gate: expected a tuned threshold, found none; run "lcdnn tune-tau" first');
}

function requireShare(flag: string, limit: number): number {
  if (limit >= 0 && limit <= 1) return limit;
  throw new UserError(`${flag}: expected a share from 0 to 1, such as 0.98, found ${limit}`);
}
