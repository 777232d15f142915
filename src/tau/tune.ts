import { UserError } from '../base/errors.js';
import type { WithExits } from '../base/exits.js';
import { type CertifiedClasses, certifiedClasses, pointByClass } from './by-class.js';
import { type Curve, measuresAt, pointOf, thresholdCurve } from './curve.js';
import { exitsSearch } from './exits.js';
import { type FoldResults, tuneOnFolds } from './folds.js';
import { OBJECTIVES, type ObjectiveName, RISK_LIMITS, type TauLimits } from './objectives.js';
import { count, type Outcomes } from './outcomes.js';
import { type MethodName, SEARCH_METHODS, type SearchResult } from './search.js';

export interface TauOptions extends TauLimits {
  /** Default `exact`. */
  readonly method?: MethodName;
  /** Default `risk`; for `algorithm-2` it is `accuracy`, the only one it supports. */
  readonly objective?: ObjectiveName;
  /** Only for `latency`: the minimum accuracy, instead of `epsilon`. */
  readonly accuracyFloor?: number;
  /** Number of random folds. Default 5. */
  readonly folds?: number;
  /** Seed of the folds. Default 0. */
  readonly seed?: number;
  /** Only for `risk`, with one exit: prove ε for each class that has enough samples. */
  readonly perClass?: boolean;
}

/** The class number of each sample, and the number of classes. */
export interface SampleLabels {
  readonly labels: ArrayLike<number>;
  readonly classes: number;
}

/** Result of tuning for one exit. */
export interface ExitResult {
  readonly tau: number;
  readonly branch: { readonly accuracy: number };
  readonly folds: Pick<FoldResults, 'tau'>;
  /**
   * At most 200 points of the exact curve, τ ascending; between two points the lower one's values hold. With several
   * exits, the results of all exits together as this τ changes and the others stay fixed.
   */
  readonly curve: readonly { readonly tau: number; readonly accuracy: number; readonly exitRatio: number }[];
}

/**
 * Result of tuning, as plain data. Accuracies and ratios are shares of the samples, in [0, 1]. With several exits, `tau`,
 * `branch`, `folds.tau` and `curve` belong to the first exit, `further` contains those of the others, and the remaining
 * fields are about all exits together.
 */
export interface TauResult extends WithExits<ExitResult> {
  readonly method: MethodName;
  readonly objective: ObjectiveName;
  /** The limits that hold, if the objective has them. */
  readonly epsilon?: number;
  readonly delta?: number;
  readonly expectedLatencyMs?: number;
  /** Why a limit differs from the requested one. */
  readonly note?: string;
  /** With `perClass`: the classes for which ε is proven. */
  readonly certified?: CertifiedClasses;
  readonly samples: number;
  readonly full: { readonly accuracy: number };
  readonly collaborative: {
    readonly accuracy: number;
    readonly exitRatio: number;
    /** With several exits: the share that exits early at each. */
    readonly exitRatios?: readonly number[];
  };
  readonly folds: FoldResults;
  readonly shortfall?: { readonly points: number; readonly iterations: number };
}

/**
 * Tunes the exit threshold τ on validation outcomes. A sample exits early if its entropy is below τ (Algorithm 3).
 *
 * @example
 * const { tau, collaborative } = tuneTau(outcomes, { objective: 'risk', epsilon: 0.002 });
 *
 * @throws UserError for invalid outcomes or options, or an accuracy floor that no threshold reaches
 */
export function tuneOneExit(outcomes: Outcomes, options: TauOptions = {}, labelled?: SampleLabels): TauResult {
  const { seed = 0, accuracyFloor } = options;
  const { method, objective, folds } = searchOf(options);
  const curve = thresholdCurve(outcomes);
  checkOptions(options, curve.samples);

  const full = curve.fullHits / curve.samples;
  const { deviceMs, edgeMs, delta } = options;
  const epsilon = accuracyFloor === undefined ? options.epsilon : full - accuracyFloor;
  const limits = { epsilon, delta, deviceMs, edgeMs };
  const certified = options.perClass ? classesToCertify(limits, labelled) : undefined;
  const search = (part: Outcomes, ofPart: Curve, chosen?: Int32Array): SearchResult => {
    if (!certified || !labelled) return SEARCH_METHODS[method](ofPart, objective, limits);
    const { epsilon: proven = RISK_LIMITS.epsilon, delta: risked = RISK_LIMITS.delta } = limits;
    const labels = chosen ? chosen.map((sample) => labelled.labels[sample]) : labelled.labels;
    const at = pointByClass(part, ofPart, labels, proven, certified);
    return { tau: ofPart.tau[at], point: at, epsilon: proven, delta: risked };
  };
  const { point, ...found } = search(outcomes, curve);
  const reached = measuresAt(curve, point);
  if (accuracyFloor !== undefined && reached.accuracy < accuracyFloor - 1e-9) {
    throw new UserError(
      `accuracy floor: expected at most ${reached.accuracy}, the best that any threshold reaches, found ${accuracyFloor}; lower the floor or train further`,
    );
  }
  return {
    method,
    objective,
    ...found,
    ...(certified ? { certified } : {}),
    samples: curve.samples,
    full: { accuracy: full },
    branch: { accuracy: count(outcomes.branchRight) / curve.samples },
    collaborative: reached,
    folds: tuneOnFolds(outcomes, curve, { search, count: folds, seed }),
    curve: thinned(curve, point).map((i) => ({ tau: curve.tau[i], ...measuresAt(curve, i) })),
  };
}

function classesToCertify(limits: TauLimits, labelled: SampleLabels | undefined): CertifiedClasses {
  if (!labelled) throw new Error('per-class needs the classes of the samples');
  const counts = new Array<number>(labelled.classes).fill(0);
  for (const label of Array.from(labelled.labels)) counts[label]++;
  return certifiedClasses(counts, limits);
}

/** How τ is searched: what is given, and the defaults. */
export const searchOf = ({
  method = 'exact',
  objective = method === 'algorithm-2' ? 'accuracy' : 'risk',
  folds = 5,
}: TauOptions) => ({ method, objective, folds });

/**
 * @param exits number of exits that get a threshold
 * @throws UserError for options that are out of range or can't be combined, or too few samples
 */
export function checkOptions(options: TauOptions, samples: number, exits = 1): void {
  const { method, objective, folds } = searchOf(options);
  const { epsilon, delta, accuracyFloor, deviceMs, edgeMs, perClass } = options;
  const expect = (holds: boolean, expected: string, found: unknown) => {
    if (!holds) throw new UserError(`tune-tau: expected ${expected}, found ${found}`);
  };
  expect(Object.hasOwn(SEARCH_METHODS, method), `a method of ${Object.keys(SEARCH_METHODS).join(', ')}`, method);
  expect(Object.hasOwn(OBJECTIVES, objective), `an objective of ${Object.keys(OBJECTIVES).join(', ')}`, objective);
  expect(method === 'exact' || objective === 'accuracy', 'objective accuracy with method algorithm-2', objective);
  expect(exits === 1 || method === 'exact', 'method exact for several exits', method);
  if (exits > 1) exitsSearch(objective, exits);
  expect(exits === 1 || !perClass, 'one exit with per-class', exits);
  expect(!perClass || objective === 'risk', 'objective risk with per-class', objective);
  const smallest = objective === 'risk' ? Number.MIN_VALUE : 0;
  expect(
    epsilon === undefined || (epsilon >= smallest && epsilon < 1),
    `an epsilon in ${objective === 'risk' ? '(' : '['}0, 1)`,
    epsilon,
  );
  expect(delta === undefined || (delta > 0 && delta < 1), 'a delta in (0, 1)', delta);
  if (objective === 'latency') {
    expect(isTime(deviceMs) && isTime(edgeMs), 'both times (ms, >= 0) for latency', `${deviceMs} and ${edgeMs}`);
    expect(accuracyFloor === undefined || epsilon === undefined, 'an accuracy floor or an epsilon', 'both');
    expect(
      accuracyFloor === undefined || (accuracyFloor >= 0 && accuracyFloor <= 1),
      'an accuracy floor in [0, 1]',
      accuracyFloor,
    );
  } else {
    expect(accuracyFloor === undefined, 'an accuracy floor only with objective latency', objective);
  }
  expect(Number.isInteger(folds) && folds >= 2, 'at least 2 folds', folds);
  expect(samples >= folds, `at least ${folds} validation samples, one for each fold`, samples);
}

function isTime(ms: number | undefined): boolean {
  return ms !== undefined && ms >= 0 && Number.isFinite(ms);
}

/** Points of the curve for a chart: evenly spaced in samples, τ and log τ, including both ends and the chosen point. */
export function thinned(curve: Curve, chosen: number): number[] {
  const last = curve.tau.length - 1;
  const each = 65;
  const points = new Set([0, chosen, last]);
  for (let i = 1; i <= each; i++) {
    points.add(Math.round((last * i) / each));
    points.add(pointOf(curve, i / each));
    points.add(pointOf(curve, 10 ** ((-6 * i) / each)));
  }
  return [...points].sort((a, b) => a - b);
}
