import { UserError } from '../base/errors.js';
import { useEntry } from './cache/in-use.js';
import { catalogEntry } from './catalog.js';
import type { Dataset } from './dataset.js';
import { type FetchOptions, fetchDataset } from './fetch.js';
import type { Location } from './formats/format.js';
import { type CatalogEntry, formatOf } from './formats/index.js';
import { IMAGE_FOLDERS, type ImageFolderOptions, loadImageFolder } from './image-folder/load-image-folder.js';
import { cacheFolder, findDataset, notInDataDir } from './locations.js';

export type LoadOptions = Omit<FetchOptions, 'force'> & ImageFolderOptions;

/**
 * Opens an image folder (`imagenet`, `folder`), or a data set of the catalogue: finds it (see `findDataset`), or
 * downloads it into the cache, and reads it. Shapes, counts and the labels' checksums are verified;
 * `lcdnn data verify` compares the images' checksums, too.
 *
 * @throws UserError for an unknown name, files that are missing, damaged or another data set's, and failed downloads
 */
export async function loadDataset(name: string, options: LoadOptions = {}): Promise<Dataset> {
  if (IMAGE_FOLDERS.some((folder) => folder === name)) return loadImageFolder(name, options);
  const entry = catalogEntry(name);
  if (options.classes !== undefined) {
    throw new UserError(
      `classes: expected an image folder (imagenet, folder), found data set ${name}; leave the option out`,
    );
  }
  const release = useEntry(cacheFolder(options.env), name);
  try {
    return await readDataset(entry, (await findDataset(entry, options)) ?? (await fetchMissing(entry, options)));
  } finally {
    release();
  }
}

async function readDataset(entry: CatalogEntry, location: Location): Promise<Dataset> {
  const { train, test } = await formatOf(entry).read(entry, location);
  const { name, shape, labels, mean, std } = entry;
  return { name, shape, stored: shape, labels, mean, std, train, test };
}

async function fetchMissing(entry: CatalogEntry, options: LoadOptions): Promise<Location> {
  if (options.dataDir !== undefined) throw notInDataDir(entry, options.dataDir);
  return (await fetchDataset(entry, options)).location;
}
