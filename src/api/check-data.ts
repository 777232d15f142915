import { existsSync } from 'node:fs';
import { IMAGE_FOLDERS } from '../datasets/image-folder/load-image-folder.js';
import { inspectData } from '../datasets/inspect/inspect-data.js';
import type { DataReport } from '../datasets/inspect/report.js';
import { loadDataset } from '../datasets/load-dataset.js';
import { DEFAULT_CONFIG } from '../run/config.js';
import type { DataOptions } from './run-data.js';

export interface CheckDataOptions extends Pick<DataOptions, 'dataDir' | 'onProgress'> {
  /** Height and width of a network's input, for image folders. Default: the run's. */
  readonly imageSize?: number;
  /** Share or number of training images for validation. Default: the run's. */
  readonly validation?: number;
  /** Seed of the split. Default: the run's. */
  readonly seed?: number;
  /** Classes of an image folder. Default: all. */
  readonly classes?: number | string | readonly string[];
}

/**
 * Checks a data set before training: images per class and split, sizes, ignored and broken files, exact and near-copies,
 * imbalance, and classes too small to prove anything about, each with advice.
 *
 * @param what a folder of images, or the name of a data set
 * @throws UserError if it can't be opened at all
 */
export async function checkData(what: string, options: CheckDataOptions = {}): Promise<DataReport> {
  const { validation = DEFAULT_CONFIG.validation, seed = DEFAULT_CONFIG.seed, onProgress, dataDir } = options;
  const { imageSize, classes } = options;
  const isName = IMAGE_FOLDERS.some((name) => name === what) || !existsSync(what);
  const dataset = isName
    ? await loadDataset(what, { dataDir, imageSize, classes, onProgress })
    : await loadDataset('folder', { dataDir: what, imageSize, classes, onProgress });
  return inspectData(dataset, { validation, seed });
}
