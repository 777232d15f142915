import { join } from 'node:path';
import { makeFolder } from '../base/files.js';
import { createTrainingDisplay } from '../cli/training-display.js';
import type { DesignChoice } from '../plan/designs.js';
import { writeReport } from '../report/write-report.js';
import type { Config } from '../run/config.js';
import { openVariant, type Variant } from '../run/grid.js';
import { requireTrainable } from './check-variants.js';
import { openTrained } from './open-trained.js';
import { trainRun } from './train-run.js';
import { tuneRun } from './tune-run.js';

export interface TrainSizesOptions {
  /** Folder of the runs. */
  readonly runs: string;
  readonly config: Config;
  readonly given: Partial<Config>;
  readonly dataDir?: string;
  readonly python?: string;
  readonly quiet: boolean;
  readonly onDone: (name: string, index: number) => void;
}

/**
 * Trains and tunes a run for each of these designs, or goes on with it. Gives the exit code where a signal ended it.
 *
 * @throws UserError as `requireTrainable` and `trainRun` do
 */
export async function trainSizes(
  choices: readonly DesignChoice[],
  { runs, config, given, dataDir, python, quiet, onDone }: TrainSizesOptions,
): Promise<number | undefined> {
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
  await requireTrainable(
    plans.filter(({ run }) => !run).map(({ variant }) => variant),
    dataDir,
    python,
  );
  makeFolder(runs);
  for (const [i, { variant, path, run: resumed }] of plans.entries()) {
    const display = createTrainingDisplay(quiet);
    const trained = await trainRun({ path, config: variant.config, resumed, dataDir, display, pytorch: { python } });
    writeReport(trained.run);
    if (trained.exitCode !== undefined) return trained.exitCode;
    await tuneRun(await openTrained(path, dataDir));
    onDone(variant.name, i);
  }
  return undefined;
}

/** `conv1` and `conv=2,fc=1` as `conv1-conv2-fc1`. */
export const runName = ({ attach, branch }: DesignChoice): string =>
  `${attach}-${branch}`.replaceAll('=', '').replaceAll(',', '-').toLowerCase();
