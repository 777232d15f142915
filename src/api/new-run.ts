import { resolve } from 'node:path';
import { readChosenClasses } from '../datasets/image-folder/choose-classes.js';
import { type Config, resolveConfig } from '../run/config.js';
import { readRecipe } from '../run/recipes.js';

/** A run to create: options override the recipe, which overrides the defaults. */
export interface NewRunOptions {
  /** Run directory to create. Default: `runs/NETWORK-DATASET-SEED`. */
  readonly out?: string;
  /** Options of the run, named as in its `config.json`. */
  readonly options?: Partial<Config>;
  /** Name of a recipe of the package, or path of a JSON file of options. */
  readonly recipe?: string;
  /** Folder of the data set's files, which the run remembers. */
  readonly dataDir?: string;
}

/** Every option of the run. @throws UserError that names each wrong option */
export function newRunConfig({ options = {}, recipe, dataDir }: NewRunOptions): Config {
  const base = recipe === undefined ? {} : withClassNames(readRecipe(recipe).options);
  return resolveConfig(base, withClassNames(options), { dataDir: dataDir && resolve(dataDir) });
}

/** Where the run is created. */
export const newRunPath = ({ out }: NewRunOptions, { network, dataset, seed }: Config): string =>
  out ?? `runs/${network}-${dataset}-${seed}`;

/** Replaces a list file of classes by its class names: a run records the names, because the file may change. */
export function withClassNames<Given extends Partial<Config>>(given: Given): Given {
  if (given.classes === undefined) return given;
  const classes = readChosenClasses(given.classes);
  return { ...given, classes: typeof classes === 'number' ? classes : [...classes] };
}
