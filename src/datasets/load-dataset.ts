import { UserError } from '../base/errors.js';
import { type CatalogEntry, catalogEntry } from './catalog.js';
import type { Dataset } from './dataset.js';
import { type FetchOptions, fetchDataset } from './fetch.js';
import { IMAGE_FOLDERS, type ImageFolderOptions, loadImageFolder } from './image-folder/load-image-folder.js';
import { findPlace, notInDataDir, type Place } from './locations.js';
import { readCifar } from './read-cifar.js';
import { readIdx } from './read-idx.js';

export type LoadOptions = Omit<FetchOptions, 'force'> & ImageFolderOptions;

/**
 * Opens an image folder (`imagenet`, `folder`), or finds a data set of the catalogue (see `findPlace`), downloads it into the cache where it is not here, and reads it.
 * Shapes, counts and the labels' checksums are verified; `lcdnn data verify` compares the images' checksums, too.
 *
 * @throws UserError for an unknown name, files that are absent, damaged or another data set's, and failed downloads
 */
export async function loadDataset(name: string, options: LoadOptions = {}): Promise<Dataset> {
  if (IMAGE_FOLDERS.some((folder) => folder === name)) return loadImageFolder(name, options);
  const entry = catalogEntry(name);
  if (options.classes !== undefined) {
    throw new UserError(`classes: expected an image folder to take classes of (imagenet, folder), found ${name}`);
  }
  const place = (await findPlace(entry, options)) ?? (await fetchMissing(entry, options));
  const { train, test } = entry.format === 'cifar' ? await readCifar(entry, place) : await readIdx(entry, place);
  const { shape, labels, mean, std } = entry;
  return { name, shape, stored: shape, labels, mean, std, train, test };
}

async function fetchMissing(entry: CatalogEntry, options: LoadOptions): Promise<Place> {
  if (options.dataDir !== undefined) throw notInDataDir(entry, options.dataDir);
  return (await fetchDataset(entry, options)).place;
}
