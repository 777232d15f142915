import { resolve } from 'node:path';
import { readChosenClasses } from '../datasets/image-folder/choose-classes.js';
import { readPreprocessing } from '../datasets/normalisation.js';
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
  /** timm's `config.json` or transformers' `preprocessor_config.json`: the normalisation of the network to start from. */
  readonly preprocessing?: string;
  /** Folder of the data set's files, which the run remembers. */
  readonly dataDir?: string;
}

/** Every option of the run. @throws UserError that names each wrong option */
export function newRunConfig({ options = {}, recipe, preprocessing, dataDir }: NewRunOptions): Config {
  const base = recipe === undefined ? {} : withClassNames(readRecipe(recipe).options);
  const normalisation = preprocessing === undefined ? {} : readPreprocessing(preprocessing);
  return resolveConfig(base, normalisation as Partial<Config>, withClassNames(options), {
    dataDir: dataDir && resolve(dataDir),
  });
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
