import { resolve } from 'node:path';
import { withoutUndefined } from '../base/without-undefined.js';
import { baselineConfig, type TrainedBaseline, withOptions } from '../baselines/approaches/training.js';
import { type Config, resolveConfig } from '../run/config.js';
import { openRun } from '../run/run-directory.js';
import { STAGE_OPTIONS } from '../run/stage-options.js';
import type { DataOptions } from './run-data.js';
import { resultOf, type TrainResult } from './train.js';
import { type PytorchOptions, type TrainingEvents, trainRun } from './train-run.js';

export interface TrainBaselineOptions extends DataOptions, TrainingEvents {
  /** Run directory to create. Default: `RUN-NAME`. */
  readonly out?: string;
  /** Options that override those of the run or the baseline; if it trains in stages, those of every stage. */
  readonly options?: Partial<Config>;
  readonly pytorch?: PytorchOptions;
}

/**
 * Trains a network that a run is compared with, on the same data with the same options.
 *
 * @param run the trained run it is compared with
 * @throws UserError and Diverged as `train`
 */
export async function trainBaseline(
  name: TrainedBaseline,
  run: string,
  options: TrainBaselineOptions = {},
): Promise<TrainResult> {
  const compared = openRun(run);
  const dataDir = options.dataDir && resolve(options.dataDir);
  const own = baselineConfig(name, compared);
  const given = Object.entries(withoutUndefined(options.options ?? {}));
  const isForStages = ([option]: [string, unknown]) => (STAGE_OPTIONS as readonly string[]).includes(option);
  const inStages = own.stages ? Object.fromEntries(given.filter(isForStages)) : {};
  const others = Object.fromEntries(given.filter(([option]) => !(option in inStages)));
  const config = resolveConfig({ ...own, ...withOptions(own.stages ?? [], inStages) }, others, { dataDir });
  // The config names the folder of the data.
  const path = options.out ?? `${compared.path}-${name}`;
  return resultOf(await trainRun({ ...options, dataDir: undefined, path, config }));
}
