import { UserError } from '../base/errors.js';
import type { IdxEntry } from './catalog.js';
import type { Split } from './dataset.js';
import { parseIdxImages, parseIdxLabels } from './idx.js';
import type { Place } from './locations.js';
import { sharedBytes } from './pixels.js';
import { readUnpacked, sha256 } from './unpack.js';

/** Reads a data set of IDX files. @throws UserError for files that are damaged or another data set's */
export async function readIdx(entry: IdxEntry, place: Place): Promise<{ train: Split; test: Split }> {
  const [train, test] = await Promise.all([readSplit(entry, place, 'train'), readSplit(entry, place, 'test')]);
  return { train, test };
}

async function readSplit(entry: IdxEntry, place: Place, part: 'train' | 'test'): Promise<Split> {
  const images = entry.files[`${part}Images`];
  const expected = entry.files[`${part}Labels`];
  const imagesPath = place.files[images.name];
  const labelsPath = place.files[expected.name];
  const [imagesContent, labelsContent] = await Promise.all([
    readUnpacked(imagesPath, images.bytes),
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
  const bytes = sharedBytes(pixels.length);
  bytes.set(pixels);
  return { count, pixels: { in: 'memory', bytes }, labels: Uint16Array.from(labels) };
}
