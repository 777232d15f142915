import { existsSync } from 'node:fs';
import { Flags } from '@oclif/core';
import { UserError } from '../base/errors.js';
import { catalogEntry } from '../datasets/catalog.js';
import type { JointNetwork } from '../network/layers.js';
import { type Config, DEFAULT_CONFIG, resolveConfig } from '../run/config.js';
import { NETWORK_OPTIONS, type OptionName, optionNames } from '../run/options.js';
import { readRecipe, recipeNames } from '../run/recipes.js';
import { networkOf, openRun, type Run } from '../run/run-directory.js';
import { configFlags, givenConfig } from './config-flags.js';
import { numberFlag } from './number-flag.js';

/** Flags that say which network of the zoo a command is about, before any training. */
export const zooFlags = {
  dataset: Flags.string({ summary: `Data set whose images a network is for. [default: ${DEFAULT_CONFIG.dataset}]` }),
  image: Flags.string({ summary: 'Images a network is for, instead of a data set: HEIGHTxWIDTHxCHANNELS.' }),
  classes: numberFlag('Number of classes. [default: those of the data set]'),
  ...configFlags(NETWORK_OPTIONS),
};

/** Options of its training that a command may have flags for beside. */
export const TRAINING_OPTIONS = ['epochs', 'seed', 'engine'] as const satisfies readonly OptionName[];

/** What of them is given; more flags may stand beside. */
export interface ZooFlags {
  readonly dataset?: string;
  readonly image?: string;
  readonly classes?: number;
}

/** A network, and how a run for it is trained. */
export interface Described {
  readonly network: JointNetwork;
  readonly config: Config;
  /** The options of that run that are not the defaults, or not the recipe's. */
  readonly given: Partial<Config>;
  readonly recipe?: string;
  /** If it is one. */
  readonly run?: Run;
}

/**
 * The network of a run directory, of a recipe, or of the zoo.
 *
 * @throws UserError where there is none of them, or the flags don't fit
 */
export function openNetwork(what: string, flags: ZooFlags): Described {
  const options = givenConfig({ ...flags });
  // Other flags may have the name of an option, and mean something else.
  const given = Object.fromEntries(
    [...NETWORK_OPTIONS, ...TRAINING_OPTIONS]
      .filter((name) => options[name] !== undefined)
      .map((name) => [name, options[name]]),
  );
  if (existsSync(what)) {
    const run = openRun(what);
    const config = resolveConfig(run.config, given);
    const { input, classes } = run.network;
    return { network: networkOf(config, input, classes), config, given: changedOptions(config), run };
  }
  const recipe = recipeNames().includes(what) ? what : undefined;
  const known = recipe === undefined ? { network: what } : readRecipe(recipe).options;
  const dataset = flags.dataset ?? known.dataset ?? DEFAULT_CONFIG.dataset;
  const { shape, labels } = dataset === 'imagenet' ? IMAGENET : catalogEntry(dataset);
  const input = flags.image === undefined ? shape : imageShape(flags.image);
  const config = resolveConfig(known, { dataset, ...given });
  const network = networkOf(config, input, flags.classes ?? labels.length);
  return { network, config, given: recipe === undefined ? { ...known, dataset, ...given } : given, recipe };
}

function changedOptions(config: Config): Partial<Config> {
  const defaults: Partial<Config> = DEFAULT_CONFIG;
  return Object.fromEntries(
    optionNames
      .filter((name) => config[name] !== undefined && config[name] !== (defaults[name] ?? undefined))
      .map((name) => [name, config[name]]),
  );
}

/** What a network for all of ImageNet is given, and tells apart. */
const IMAGENET = { shape: [224, 224, 3] as const, labels: { length: 1000 } };

function imageShape(text: string): JointNetwork['input'] {
  const [, ...sizes] = /^([1-9]\d{0,3})x([1-9]\d{0,3})x([1-9]\d{0,3})$/.exec(text) ?? [];
  if (sizes.length === 0) throw new UserError(`image: expected HEIGHTxWIDTHxCHANNELS, as 224x224x3, found ${text}`);
  const [height, width, channels] = sizes.map(Number);
  return [height, width, channels];
}
