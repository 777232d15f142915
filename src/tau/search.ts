import { algorithm2 } from './algorithm-2.js';
import { type Curve, hitsAt } from './curve.js';
import { OBJECTIVES, type ObjectiveChoice, type ObjectiveName, type TauLimits } from './objectives.js';

/** A threshold and its point on the curve. */
export interface SearchResult extends ObjectiveChoice {
  readonly tau: number;
  /** Only for `algorithm-2`: its iterations, and how many percentage points less accurate it is than `exact`. */
  readonly shortfall?: { readonly points: number; readonly iterations: number };
}

export type MethodName = 'exact' | 'algorithm-2';

type Search = (curve: Curve, objective: ObjectiveName, limits: TauLimits) => SearchResult;

/** Checks every possible threshold, and finds the true optimum. */
const exact: Search = (curve, objective, limits) => {
  const choice = OBJECTIVES[objective](curve, limits);
  return { tau: curve.tau[choice.point], ...choice };
};

/** The methods by their names on the command line. `algorithm-2` supports only the objective `accuracy`. */
export const SEARCH_METHODS: Readonly<Record<MethodName, Search>> = {
  exact,
  'algorithm-2': (curve, objective, limits) => {
    const { tau, point, iterations } = algorithm2(curve);
    const missed = hitsAt(curve, exact(curve, objective, limits).point) - hitsAt(curve, point);
    return { tau, point, shortfall: { points: (100 * missed) / curve.samples, iterations } };
  },
};
