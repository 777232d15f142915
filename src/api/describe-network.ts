import { existsSync, lstatSync } from 'node:fs';
import { withoutUndefined } from '../base/without-undefined.js';
import { catalogEntry } from '../datasets/catalog.js';
import type { JointNetwork } from '../network/layers.js';
import { type Config, DEFAULT_CONFIG, resolveConfig } from '../run/config.js';
import { optionNames } from '../run/options.js';
import { readRecipe, recipeNames } from '../run/recipes.js';
import { networkOf, openRun, type Run, runFile } from '../run/run-directory.js';

/** Which network, and for which images; anything that isn't given comes from the run, the recipe or the defaults. */
export interface NetworkOptions {
  /** Data set whose images the network is for. Default: the recipe's, or MNIST. */
  readonly dataset?: string;
  /** Shape of the images (height, width, channels), instead of a data set. */
  readonly image?: JointNetwork['input'];
  /** Number of classes. Default: those of the data set. */
  readonly classes?: number;
  /** Options of the network and its training. */
  readonly options?: Partial<Config>;
}

/** A network, and how a run of it is trained. */
export interface DescribedNetwork {
  readonly network: JointNetwork;
  readonly config: Config;
  /** The options of that run that differ from the defaults, or from the recipe's. */
  readonly given: Partial<Config>;
  readonly recipe?: string;
  /** The run, if a run directory was given. */
  readonly run?: Run;
}

/** Shape and classes of the full ImageNet. */
const IMAGENET = { shape: [224, 224, 3] as const, labels: { length: 1000 } };

/**
 * Describes the network of a run directory, of a recipe (also in a file), or of the zoo, without training or reading data.
 *
 * @throws UserError if `what` is none of these, or the options don't fit
 */
export function describeNetwork(what: string, options: NetworkOptions = {}): DescribedNetwork {
  const given = withoutUndefined(options.options ?? {});
  const recipe = recipeNames().includes(what) || isJsonFile(what) ? what : undefined;
  if (recipe === undefined && existsSync(what)) {
    const run = openRun(what);
    const config = resolveConfig(run.config, given);
    const { input, classes } = run.network;
    const network = networkOf(config, input, classes);
    // No flag sets these; a run's config is a recipe, too.
    if (config.stages || config.layers) return { network, config, given, recipe: runFile(run, 'config'), run };
    return { network, config, given: changedOptions(config), run };
  }
  const known = recipe === undefined ? { network: what } : readRecipe(recipe).options;
  const dataset = options.dataset ?? known.dataset ?? DEFAULT_CONFIG.dataset;
  const { shape, labels } = dataset === 'imagenet' ? IMAGENET : catalogEntry(dataset);
  const config = resolveConfig(known, { dataset, ...given });
  const network = networkOf(config, options.image ?? shape, options.classes ?? labels.length);
  return { network, config, given: recipe === undefined ? { ...known, dataset, ...given } : given, recipe };
}

const isJsonFile = (path: string): boolean =>
  path.endsWith('.json') && (lstatSync(path, { throwIfNoEntry: false })?.isFile() ?? false);

function changedOptions(config: Config): Partial<Config> {
  const defaults: Partial<Config> = DEFAULT_CONFIG;
  return Object.fromEntries(
    optionNames
      .filter((name) => config[name] !== undefined && config[name] !== (defaults[name] ?? undefined))
      .map((name) => [name, config[name]]),
  );
}
