import { join } from 'node:path';
import { makeFolder } from '../base/files.js';
import type { DesignChoice } from '../plan/designs.js';
import type { Config } from '../run/config.js';
import { openVariant, type Variant } from '../run/grid.js';
import { requireTrainable } from './check-variants.js';
import { openTrained } from './open-trained.js';
import type { DataOptions } from './run-data.js';
import { type TrainingEvents, trainRun } from './train-run.js';
import { tuneTrained } from './tune-tau.js';

export interface TrainSizesOptions extends DataOptions, TrainingEvents {
  /** Folder of the runs. */
  readonly runs: string;
  readonly config: Config;
  /** The options that were given, without defaults. */
  readonly given: Partial<Config>;
  readonly python?: string;
  /** Called when a design is trained and tuned; `index` counts from 0. */
  readonly onDone?: (name: string, index: number, count: number) => void;
}

/**
 * Trains and tunes a run for each of these designs, or continues it.
 *
 * @returns whether the signal interrupted it
 * @throws UserError as `requireTrainable` and `trainRun` do
 */
export async function trainSizes(
  choices: readonly DesignChoice[],
  { runs, config, given, python, onDone, ...options }: TrainSizesOptions,
): Promise<boolean> {
  const { dataDir } = options;
  const plans = choices.map(({ attach, branch }) => {
    const changes = { attach, branch };
    const variant: Variant = {
      name: runName(changes),
      changes,
      given: { ...given, ...changes },
      config: { ...config, ...changes, dataDir },
    };
    const path = join(runs, variant.name);
    return { variant, path, run: openVariant(path, variant) };
  });
  const untrained = plans.filter(({ run }) => !run).map(({ variant }) => variant);
  await requireTrainable(untrained, { ...options, python });
  makeFolder(runs);
  for (const [i, { variant, path, run: resumed }] of plans.entries()) {
    const { interrupted } = await trainRun({
      ...options,
      path,
      config: variant.config,
      resumed,
      pytorch: { python },
    });
    if (interrupted) return true;
    await tuneTrained(await openTrained(path, options));
    onDone?.(variant.name, i, plans.length);
  }
  return false;
}

/** `conv1` and `conv=2,fc=1` as `conv1-conv2-fc1`. */
export const runName = ({ attach, branch }: DesignChoice): string =>
  `${attach}-${branch}`.replaceAll('=', '').replaceAll(',', '-').toLowerCase();
