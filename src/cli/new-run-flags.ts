import { resolve } from 'node:path';
import { Flags } from '@oclif/core';
import { withClassNames } from '../api/class-names.js';
import { type Config, resolveConfig } from '../run/config.js';
import { readRecipe } from '../run/recipes.js';
import { givenConfig } from './config-flags.js';

/** Flags of what creates a run, beside the options of its config. */
export const newRunFlags = {
  'data-dir': Flags.directory({ summary: 'Folder that holds the files of the data set; the run remembers it.' }),
  out: Flags.string({ summary: 'Run directory to create. [default: runs/NETWORK-DATASET-SEED]' }),
  recipe: Flags.string({
    summary: 'Recipe by name ("lcdnn recipes"), or a JSON file with any of the options; flags override it.',
  }),
};

interface NewRun {
  readonly 'data-dir'?: string;
  readonly out?: string;
  readonly recipe?: string;
}

/**
 * The config that the flags ask for: options over the recipe over the defaults.
 *
 * @param more what the command itself decides
 * @throws UserError as `readRecipe` and `resolveConfig` do
 */
export function newRunConfig(flags: NewRun, more: Partial<Config> = {}): Config {
  const recipe = flags.recipe === undefined ? {} : withClassNames(readRecipe(flags.recipe).options);
  const dataDir = flags['data-dir'] && resolve(flags['data-dir']);
  return resolveConfig(recipe, withClassNames(givenConfig({ ...flags })), { ...more, dataDir });
}

/** Where the run is created. */
export const newRunPath = ({ out }: NewRun, { network, dataset, seed }: Config): string =>
  out ?? `runs/${network}-${dataset}-${seed}`;
