import { resolve } from 'node:path';
import { readChosenClasses } from '../datasets/image-folder/choose-classes.js';
import { IMAGE_FOLDERS } from '../datasets/image-folder/load-image-folder.js';
import { readPreprocessing } from '../datasets/normalisation.js';
import { isModelName, pretrainedModel } from '../models/catalog.js';
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
  const chosen = recipe ?? defaultRecipe(options);
  const base = chosen === undefined ? {} : withClassNames(readRecipe(chosen).options);
  const ofModel = modelOptions(options.initFrom ?? base.initFrom);
  const normalisation = preprocessing === undefined ? {} : readPreprocessing(preprocessing);
  const config = resolveConfig(base, ofModel, normalisation as Partial<Config>, withClassNames(options), {
    dataDir: dataDir && resolve(dataDir),
  });
  return config.fineTune > 0 && !config.stages ? withFineTuning(config) : config;
}

/** Recipe of image folders with photographs: a pretrained network, of which only the last layer and the branch train. */
const PHOTOS = 'photos';
/** Smaller images aren't photographs. */
const SMALLEST_PHOTO = 96;

/** The recipe of a run that names neither a recipe nor a network, if there is one for its data. */
function defaultRecipe({ network, initFrom, dataset, imageSize = 224 }: Partial<Config>): string | undefined {
  if (network !== undefined) return undefined;
  if (initFrom !== undefined) return isModelName(initFrom) ? PHOTOS : undefined;
  const isFolder = IMAGE_FOLDERS.some((folder) => folder === dataset);
  return isFolder && imageSize >= SMALLEST_PHOTO ? PHOTOS : undefined;
}

/** What a network of the catalogue decides: its architecture and its normalisation. */
function modelOptions(initFrom: string | undefined): Partial<Config> {
  if (initFrom === undefined || !isModelName(initFrom)) return {};
  const { network, mean, std } = pretrainedModel(initFrom);
  return { network, mean: [...mean], std: [...std] };
}

/** `fineTune` as a stage after the others, shorter and with smaller rates. */
function withFineTuning({ fineTune, ...config }: Config): Config {
  const { epochs, lr, branchLr } = config;
  const after = { epochs: Math.max(1, Math.round(epochs / 10)), lr: lr / 10, branchLr: branchLr / 10, warmup: 0.1 };
  return resolveConfig({
    ...config,
    stages: [
      { trains: 'both', epochs },
      { trains: 'both', ...after, fineTune },
    ],
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
