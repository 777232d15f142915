import { type RunSplit, splitForRun } from '../datasets/split.js';
import { type Config, choosesEpoch } from '../run/config.js';

type SplitOptions = Pick<Config, 'validation' | 'seed' | 'keep' | 'patience'>;

/**
 * The parts of the training images that a run with these options uses.
 *
 * @throws UserError if there are too few images for the parts
 */
export const splitByConfig = (
  images: Parameters<typeof splitForRun>[0],
  { validation, seed, keep, patience }: SplitOptions,
): RunSplit => splitForRun(images, { validation, seed, choosesEpoch: choosesEpoch({ keep, patience }) });
