import { UserError } from '../base/errors.js';
import { type CatalogEntry, catalogEntry } from './catalog.js';
import { type FetchOptions, fetchDataset } from './fetch.js';
import { parseIdxImages, parseIdxLabels } from './idx.js';
import type { ImageShape, Pixels } from './pixels.js';
import { findPlace, notInDataDir, type Place } from './places.js';
import { readUnpacked, sha256 } from './unpack.js';

/** Images with their labels. */
export interface Split {
  readonly count: number;
  readonly pixels: Pixels;
  /** A class number per image. */
  readonly labels: Uint16Array;
}

/** A data set. A pixel is normalised as (pixel / 255 - mean[channel]) / std[channel]. */
export interface Dataset {
  readonly name: string;
  /** What a network is given. */
  readonly shape: ImageShape;
  /** What `pixels` holds: as `shape`, or larger where a crop is taken. */
  readonly stored: ImageShape;
  /** What the classes are called, by class number. */
  readonly labels: readonly string[];
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly train: Split;
  readonly test: Split;
}

export type LoadOptions = Omit<FetchOptions, 'force'>;

/**
 * Finds a data set of the catalogue (see `findPlace`), downloads it into the cache where it is not here, and reads it.
 * Shapes, counts and the labels' checksums are verified; `lcdnn data verify` compares the images' checksums, too.
 *
 * @throws UserError for an unknown name, files that are absent, damaged or another data set's, and failed downloads
 */
export async function loadDataset(name: string, options: LoadOptions = {}): Promise<Dataset> {
  const entry = catalogEntry(name);
  const place = (await findPlace(entry, options)) ?? (await fetchMissing(entry, options));
  const [train, test] = await Promise.all([readSplit(entry, place, 'train'), readSplit(entry, place, 'test')]);
  const { shape, labels, mean, std } = entry;
  return { name, shape, stored: shape, labels, mean, std, train, test };
}

async function fetchMissing(entry: CatalogEntry, options: LoadOptions): Promise<Place> {
  if (options.dataDir !== undefined) throw notInDataDir(entry, options.dataDir);
  return (await fetchDataset(entry, options)).place;
}

async function readSplit(entry: CatalogEntry, place: Place, part: 'train' | 'test'): Promise<Split> {
  const imagesPath = place.files[`${part}Images`];
  const labelsPath = place.files[`${part}Labels`];
  const expected = entry.files[`${part}Labels`];
  const [imagesContent, labelsContent] = await Promise.all([
    readUnpacked(imagesPath, entry.files[`${part}Images`].bytes),
    readUnpacked(labelsPath, expected.bytes),
  ]);
  const { count, rows, columns, pixels } = parseIdxImages(imagesContent, imagesPath);
  const labels = parseIdxLabels(labelsContent, labelsPath, entry.labels.length);
  if (labels.length !== count) {
    throw new UserError(`${labelsPath}: expected a label for each of the ${count} images, found ${labels.length}`);
  }
  const [height, width] = entry.shape;
  if (count !== entry[part] || rows !== height || columns !== width) {
    throw new UserError(
      `${imagesPath}: expected the ${entry[part]} images of ${height}x${width} pixels of ${entry.name}, ` +
        `found ${count} of ${rows}x${columns}`,
    );
  }
  // Files of several data sets have the same names and sizes: their labels tell them apart at no cost.
  if (sha256(labelsContent) !== expected.sha256) {
    throw new UserError(`${labelsPath}: expected the labels of ${entry.name}, found others; is it another data set's?`);
  }
  return { count, pixels: { in: 'memory', bytes: pixels }, labels: Uint16Array.from(labels) };
}
