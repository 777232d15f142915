import type { ObjectiveName } from '../tau/objectives.js';
import type { MethodName } from '../tau/search.js';

/** The flags of `tune-tau` that choose how a threshold is searched. */
export interface TuneFlags {
  readonly method?: MethodName;
  readonly objective?: ObjectiveName;
  readonly epsilon?: number;
  readonly delta?: number;
  readonly 'per-class'?: boolean;
  readonly 'device-ms'?: number;
  readonly 'edge-ms'?: number;
  readonly 'accuracy-floor'?: number;
  readonly folds?: number;
  readonly 'cross-fit'?: number;
  readonly 'entropy-temperature'?: number;
}

/** The options of the search, for `tune-tau` and for the pipeline's step. */
export const tuneOptions = ({ method, objective, epsilon, delta, folds, ...flags }: TuneFlags) => ({
  ...{ method, objective, epsilon, delta, folds },
  perClass: flags['per-class'],
  deviceMs: flags['device-ms'],
  edgeMs: flags['edge-ms'],
  accuracyFloor: flags['accuracy-floor'],
  crossFit: flags['cross-fit'],
  entropyTemperature: flags['entropy-temperature'],
});
