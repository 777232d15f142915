import { join, resolve } from 'node:path';
import { UserError } from '../../base/errors.js';
import type { Dataset, Split } from '../dataset.js';
import type { Progress } from '../fetch.js';
import { cacheFolder, type SearchOptions } from '../locations.js';
import type { ImageShape } from '../pixels.js';
import { checkImages } from './check-images.js';
import { names, readChosenClasses } from './choose-classes.js';
import { isImageFolder, type ListedSplit, listImages } from './list-images.js';

/** What `--dataset` calls image folders. */
export const IMAGE_FOLDERS = ['imagenet', 'folder'] as const;

/** ImageNet's, per channel: usual for photographs, and what published weights were trained with. */
const MEAN = [0.485, 0.456, 0.406];
const STD = [0.229, 0.224, 0.225];

export interface ImageFolderOptions extends SearchOptions {
  /** Height and width that a network is given. Default 224. */
  readonly imageSize?: number;
  /** What the shorter side is resized to before a crop is taken. Default: 256 of 224. */
  readonly resize?: number;
  /** The first so many classes, these, or those in a file with a name a line. Default: all. */
  readonly classes?: number | string | readonly string[];
  /** Stop at an image that can't be used, rather than skip it. */
  readonly strict?: boolean;
  /** Keep decoded images on disk, in one file in the cache: faster, and larger than the images. */
  readonly cache?: boolean;
  readonly onProgress?: (progress: Progress) => void;
  /** Called with a line on what was skipped. */
  readonly onNote?: (line: string) => void;
}

/**
 * Opens a folder of images (see `listImages` for its layout): checks every image once, and skips what can't be decoded.
 * Nothing of an image but its path is held in memory.
 *
 * @throws UserError for a folder of another layout, an image that can't be used where `strict`, and a class of no others
 */
export async function loadImageFolder(name: string, options: ImageFolderOptions): Promise<Dataset> {
  const { imageSize = 224, resize = Math.round((imageSize * 256) / 224), classes: given } = options;
  if (resize < imageSize) {
    throw new UserError(`resize: expected a number from ${imageSize}, the image size that is cut out, found ${resize}`);
  }
  const folder = findFolder(name, options);
  const listing = listImages(folder, given === undefined ? undefined : readChosenClasses(given));
  const { train, test, classes } = listing;
  const files = [...train.files, ...test.files];
  const { faults, packed } = await checkImages(folder, files, {
    side: resize,
    cache: join(cacheFolder(options.env), 'images'),
    pack: options.cache,
    strict: options.strict,
    onProgress: options.onProgress,
  });
  if (faults.size > 0) options.onNote?.(skipped(folder, files, faults));
  const usable = (split: ListedSplit, first: number): Split => {
    const indices = split.files.map((_, i) => i).filter((i) => !faults.has(first + i));
    const labels = Uint16Array.from(indices, (i) => split.labels[i]);
    requireEachClass(folder, classes, labels);
    return {
      count: indices.length,
      pixels:
        packed === undefined
          ? { in: 'images', folder, files: indices.map((i) => split.files[i]) }
          : { in: 'packed', path: packed, records: Int32Array.from(indices, (i) => first + i) },
      labels,
    };
  };
  const square = (side: number): ImageShape => [side, side, 3];
  return {
    name,
    shape: square(imageSize),
    stored: square(resize),
    resize,
    labels: classes,
    mean: MEAN,
    std: STD,
    train: usable(train, 0),
    test: usable(test, train.files.length),
  };
}

function findFolder(name: string, { dataDir, env = process.env }: SearchOptions): string {
  const root = dataDir ?? env['LCDNN_DATA'];
  if (!root) {
    throw new UserError(
      `${name}: expected a folder of images, found none named; name it with --data-dir (it holds train/CLASS/ and ` +
        `val/CLASS/, or CSV tables), or have it as subfolder ${name} of what LCDNN_DATA names`,
    );
  }
  const candidates = dataDir === undefined ? [join(root, name)] : [root, join(root, name)];
  const found = candidates.find(isImageFolder);
  if (found !== undefined) return resolve(found);
  throw new UserError(
    `${candidates[0]}: expected train/CLASS/ with images, or train.csv and test.csv, or labels.csv; found none of these`,
  );
}

function skipped(folder: string, files: readonly string[], faults: ReadonlyMap<number, string>): string {
  const first = [...faults].sort(([a], [b]) => a - b).slice(0, 3);
  const named = first.map(([place, reason]) => `${files[place]}: ${reason}`).join('; ');
  const more = faults.size > 3 ? `; and ${faults.size - 3} more` : '';
  return `${folder}: skipped ${faults.size} of ${files.length} images that can't be used: ${named}${more}`;
}

function requireEachClass(folder: string, classes: readonly string[], labels: Uint16Array): void {
  const there = new Set(labels);
  const empty = classes.filter((_, label) => !there.has(label));
  if (empty.length === 0) return;
  throw new UserError(`${folder}: expected images of each class that can be used, found none of ${names(empty)}`);
}
