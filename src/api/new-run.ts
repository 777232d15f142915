import { resolve } from 'node:path';
import { UserError } from '../base/errors.js';
import { readChosenClasses } from '../datasets/image-folder/choose-classes.js';
import { listImages } from '../datasets/image-folder/list-images.js';
import { IMAGE_FOLDERS } from '../datasets/image-folder/load-image-folder.js';
import { readPreprocessing } from '../datasets/normalisation.js';
import { isModelName, pretrainedModel } from '../models/catalog.js';
import { type Config, DEFAULT_CONFIG, resolveConfig } from '../run/config.js';
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
  const folder = dataDir && resolve(dataDir);
  const config = resolveConfig(
    ...[base, ofModel, chosen === PHOTOS ? viewsAndEpochs(folder, base, options.views) : {}],
    normalisation as Partial<Config>,
    ...[withClassNames(options), { dataDir: folder }],
  );
  return config.fineTune > 0 && !config.stages ? withFineTuning(config) : config;
}

/** Recipe of image folders with photographs: a pretrained network, of which only the last layer and the branch train. */
const PHOTOS = 'photos';
/** So that training takes minutes, recipe photos computes this many views at most, and reads this many in all epochs. */
const COMPUTED_VIEWS = 10_000;
const READ_VIEWS = 100_000;
const FEWEST_VIEWS = 8;
const FEWEST_EPOCHS = 4;
/** Smaller images aren't photographs. */
const SMALLEST_PHOTO = 96;

/** The recipe of a run that names neither a recipe nor a network, if there is one for its data. */
function defaultRecipe({ network, initFrom, dataset, imageSize = 224 }: Partial<Config>): string | undefined {
  if (network !== undefined) return undefined;
  if (initFrom !== undefined) return isModelName(initFrom) ? PHOTOS : undefined;
  const isFolder = IMAGE_FOLDERS.some((folder) => folder === dataset);
  return isFolder && imageSize >= SMALLEST_PHOTO ? PHOTOS : undefined;
}

/**
 * Views of each photograph, and passes over them: the recipe's, or fewer for a folder with many photographs. Without
 * views, there are no last layers to distil from.
 */
function viewsAndEpochs(folder: string | undefined, recipe: Partial<Config>, givenViews?: number): Partial<Config> {
  const { epochs: mostEpochs = DEFAULT_CONFIG.epochs, views: mostViews = 1 } = recipe;
  const images = folder === undefined ? 0 : countTrainingImages(folder);
  const views = givenViews ?? Math.min(mostViews, Math.max(FEWEST_VIEWS, Math.round(COMPUTED_VIEWS / images)));
  const readings = Math.min(mostViews * mostEpochs, READ_VIEWS / images);
  const epochs = Math.max(FEWEST_EPOCHS, Math.round(readings / Math.max(FEWEST_VIEWS, views)));
  return { views, epochs, ...(views === 0 ? { distillationFolds: 0 } : {}) };
}

/** Photographs of a folder that are not for testing. 0 if it can't be read: loading the data gives the reason. */
export function countTrainingImages(folder: string): number {
  try {
    return listImages(folder).train.files.length;
  } catch (thrown) {
    if (thrown instanceof UserError) return 0;
    throw thrown;
  }
}

/** What a network of the catalogue decides: its architecture and its normalisation. */
function modelOptions(initFrom: string | undefined): Partial<Config> {
  if (initFrom === undefined || !isModelName(initFrom)) return {};
  const { network, mean, std } = pretrainedModel(initFrom);
  return { network, mean: [...mean], std: [...std] };
}

/**
 * `fineTune` as a stage: first the last blocks of the full network, with its last layer, then the branch, which learns
 * from them. By SGD with a rate that suits it, in few epochs, because an image costs twenty times as much as in the head.
 */
function withFineTuning({ fineTune, ...config }: Config): Config {
  const { epochs, lr, batchSize } = config;
  return resolveConfig({
    ...config,
    stages: [
      {
        trains: 'full',
        fineTune,
        epochs: Math.max(1, Math.round(epochs / 15)),
        batchSize: Math.min(32, batchSize),
        optimizer: 'nesterov',
        lr: 5 * lr,
        schedule: 'cosine',
        warmup: 0.1,
        weightDecay: 1e-4,
        labelSmoothing: 0.1,
      },
      { trains: 'branch', epochs },
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
