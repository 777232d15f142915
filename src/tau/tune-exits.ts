import { pointOf, thresholdCurve } from './curve.js';
import { collaborativeExits, type ExitOutcomes, searchExits } from './exits.js';
import { foldsOf, meanAndRange } from './folds.js';
import type { ObjectiveName, TauLimits } from './objectives.js';
import { count, subset } from './outcomes.js';
import {
  checkOptions,
  type ExitResult,
  type SampleLabels,
  searchOf,
  type TauOptions,
  type TauResult,
  thinned,
  tuneOneExit,
} from './tune.js';

/**
 * Tunes a threshold τ for every exit of a network on validation outcomes. With one exit this is `tuneTau`. Several exits
 * support the method `exact` and the objectives `risk`, `accuracy` and `exits`.
 *
 * @throws UserError for invalid outcomes or options
 */
export function tuneExits(exits: ExitOutcomes, options: TauOptions = {}, labelled?: SampleLabels): TauResult {
  if (exits.length === 1) return tuneOneExit(exits[0], options, labelled);
  const { seed = 0, epsilon, delta } = options;
  const { method, objective, folds } = searchOf(options);
  const samples = exits[0].entropy.length;
  checkOptions(options, samples, exits.length);

  const limits = { epsilon, delta };
  const { taus, ...found } = searchExits(exits, objective, limits);
  const { fullRight } = exits[0];
  const judged = judgeFolds(exits, objective, limits, folds, seed);
  const results = exits.map(({ branchRight }, exit) => ({
    tau: taus[exit],
    branch: { accuracy: count(branchRight) / samples },
    folds: { tau: meanAndRange(judged.map((fold) => fold.taus[exit])) },
    curve: curveOf(exits, taus, exit),
  }));
  const [first, ...further] = results;
  const smallest = judged.reduce((least, fold) => (fold.samples < least.samples ? fold : least));
  return {
    tau: first.tau,
    method,
    objective,
    ...found,
    samples,
    full: { accuracy: count(fullRight) / samples },
    branch: first.branch,
    collaborative: collaborativeExits(exits, taus),
    folds: {
      count: folds,
      samples: smallest.samples,
      ...(smallest.epsilon === undefined ? {} : { epsilon: smallest.epsilon }),
      tau: first.folds.tau,
      accuracy: meanAndRange(judged.map((fold) => fold.accuracy)),
      exitRatio: meanAndRange(judged.map((fold) => fold.exitRatio)),
    },
    curve: first.curve,
    further,
  };
}

/** Tunes on each fold, and measures on the samples outside it. */
function judgeFolds(exits: ExitOutcomes, objective: ObjectiveName, limits: TauLimits, folds: number, seed: number) {
  return foldsOf(exits[0].entropy.length, folds, seed).map(({ inside, outside }) => {
    const of = (samples: Int32Array): ExitOutcomes => exits.map((exit) => subset(exit, samples));
    const { taus, epsilon } = searchExits(of(inside), objective, limits);
    return { samples: inside.length, taus, epsilon, ...collaborativeExits(of(outside), taus) };
  });
}

/** Results of all exits together as one threshold changes and the others stay fixed. */
function curveOf(exits: ExitOutcomes, taus: readonly number[], exit: number): ExitResult['curve'] {
  const curve = thresholdCurve(exits[exit]);
  const shown = thinned(curve, pointOf(curve, taus[exit])).map((point) => curve.tau[point]);
  return [...new Set([...shown, taus[exit]])]
    .sort((a, b) => a - b)
    .map((tau) => {
      const { accuracy, exitRatio } = collaborativeExits(
        exits,
        taus.map((other, i) => (i === exit ? tau : other)),
      );
      return { tau, accuracy, exitRatio };
    });
}
