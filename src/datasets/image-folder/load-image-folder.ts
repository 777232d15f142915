import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { UserError } from '../../base/errors.js';
import type { Dataset, FolderImage, Split } from '../dataset.js';
import type { Progress } from '../fetch.js';
import { cacheFolder, type SearchOptions } from '../locations.js';
import type { ImageShape } from '../pixels.js';
import { type SplitRule, setAside } from '../split.js';
import { type CheckedImages, checkImages } from './check-images.js';
import { names, readChosenClasses } from './choose-classes.js';
import { type Listing, listImages, TEST_SHARE } from './list-images.js';

/** Names of image folders in `--dataset`. */
export const IMAGE_FOLDERS = ['imagenet', 'folder'] as const;

/** ImageNet's values per channel: usual for photographs, and used to train published weights. */
const MEAN = [0.485, 0.456, 0.406];
const STD = [0.229, 0.224, 0.225];

export interface ImageFolderOptions extends SearchOptions {
  /** Height and width of a network's input. Default 224. */
  readonly imageSize?: number;
  /** Length that the shorter side is resized to before a crop is taken. Default: 256/224 of the image size. */
  readonly resize?: number;
  /** A number of classes from the first one, names, or the names in a file with one per line. Default: all. */
  readonly classes?: number | string | readonly string[];
  /** Stop at an image that can't be used instead of skipping it. */
  readonly strict?: boolean;
  /** Keep decoded images on disk, in one file in the cache: faster, and larger than the images. */
  readonly cache?: boolean;
  /** How images are assigned to splits: `position` for runs of lcdnn 0.1. Default: by content. */
  readonly splitRule?: SplitRule;
  /** Splits that a run has recorded, by content hash. These images stay in their split. */
  readonly recorded?: ReadonlyMap<string, 'train' | 'validation' | 'test'>;
  readonly onProgress?: (progress: Progress) => void;
  /** Called with a line about skipped images. */
  readonly onNote?: (line: string) => void;
}

/** An image that can be used. */
interface UsableImage extends FolderImage {
  readonly label: number;
  readonly hash: string;
  /** Index in the file of packed images. */
  readonly record: number;
}

/**
 * Opens a folder of images (see `listImages` for its layout): checks every image once, and skips those that can't be
 * decoded. If the folder doesn't say which images are for testing, a tenth of them is set aside by content.
 * No pixels are held in memory.
 *
 * @throws UserError for an unknown layout, for an image that can't be used if `strict`, and for a class without images
 */
export async function loadImageFolder(name: string, options: ImageFolderOptions): Promise<Dataset> {
  const { imageSize = 224, resize = Math.round((imageSize * 256) / 224), classes: given } = options;
  const { splitRule, recorded } = options;
  if (resize < imageSize) {
    throw new UserError(`resize: expected a number from ${imageSize}, the image size that is cut out, found ${resize}`);
  }
  const root = findFolder(name, options);
  const listing = listImages(root, given === undefined ? undefined : readChosenClasses(given), splitRule);
  const { folder, layout, classes, ignored, contradicted } = listing;
  const files = [...listing.train.files, ...(listing.test?.files ?? [])];
  const checked = await checkImages(folder, files, {
    side: resize,
    cache: join(cacheFolder(options.env), 'images'),
    pack: options.cache,
    strict: options.strict,
    onProgress: options.onProgress,
  });
  const broken = [...checked.faults]
    .sort(([a], [b]) => a - b)
    .map(([index, reason]) => ({ file: files[index], reason }));
  if (broken.length > 0) options.onNote?.(skipped(folder, files.length, broken));
  const { train, test } = usableImages(listing, checked, recorded);
  for (const images of listing.test ? [train, test] : [train]) requireEachClass(folder, classes, images);
  const isByContent = splitRule !== 'position';
  const split = (images: readonly UsableImage[]): Split => ({
    count: images.length,
    pixels:
      checked.packed === undefined
        ? { in: 'images', folder, files: images.map(({ file }) => file) }
        : { in: 'packed', path: checked.packed, records: Int32Array.from(images, ({ record }) => record) },
    labels: Uint16Array.from(images, ({ label }) => label),
    ...(isByContent ? { hashes: images.map(({ hash }) => hash) } : {}),
    ...(recorded ? { recorded: images.map(({ hash }) => usedFor(recorded.get(hash))) } : {}),
  });
  const square = (side: number): ImageShape => [side, side, 3];
  return {
    name,
    shape: square(imageSize),
    stored: square(resize),
    resize,
    labels: classes,
    mean: MEAN,
    std: STD,
    train: split(train),
    test: split(test),
    folder: { path: folder, layout, ignored, contradicted, broken, train, test },
  };
}

const usedFor = (split: 'train' | 'validation' | 'test' | undefined) => (split === 'test' ? undefined : split);

function usableImages(
  { classes, folder, train, test }: Listing,
  { checks }: CheckedImages,
  recorded: ImageFolderOptions['recorded'],
): { train: UsableImage[]; test: UsableImage[] } {
  const usable = ({ files, labels }: Listing['train'], first: number): UsableImage[] =>
    files.flatMap((file, i) => {
      const check = checks[first + i];
      return check && !('fault' in check) ? [{ file, label: labels[i], record: first + i, ...check }] : [];
    });
  const images = usable(train, 0);
  if (test) return { train: images, test: usable(test, train.files.length) };
  requireEachClass(folder, classes, images);
  const aside = setAside(
    Uint16Array.from(images, ({ label }) => label),
    images.map(({ hash }) => hash),
    TEST_SHARE,
    'test',
  );
  const isForTesting = ({ hash }: UsableImage, i: number): boolean => {
    const known = recorded?.get(hash);
    return known === undefined ? aside[i] === 1 : known === 'test';
  };
  const split = { train: images.filter((image, i) => !isForTesting(image, i)), test: images.filter(isForTesting) };
  if (split.test.length > 0) return split;
  throw new UserError(
    `${folder}: expected two different images of a class or more, one of them for testing; found ${images.length} ` +
      'images, no two of them different and of the same class',
  );
}

function findFolder(name: string, { dataDir, env = process.env }: SearchOptions): string {
  const root = dataDir ?? env['LCDNN_DATA'];
  if (!root) {
    throw new UserError(
      `${name}: expected a folder of images, found none named; name it with --data-dir (it holds a folder per class, ` +
        `or train/CLASS/ and val/CLASS/, or a table labels.csv), or have it as subfolder ${name} of what LCDNN_DATA names`,
    );
  }
  const subfolder = join(root, name);
  const isSubfolder = statSync(subfolder, { throwIfNoEntry: false })?.isDirectory() === true;
  // A person's own folder is taken as it is: "folder" may be a class.
  const isOwn = name === 'folder' || existsSync(join(root, 'train'));
  const isDirect = dataDir !== undefined && (!isSubfolder || isOwn);
  return resolve(isDirect ? root : subfolder);
}

function skipped(folder: string, count: number, broken: readonly { file: string; reason: string }[]): string {
  const examples = broken.slice(0, 3).map(({ file, reason }) => `${file}: ${reason}`);
  const more = broken.length > 3 ? `; and ${broken.length - 3} more` : '';
  return `${folder}: skipped ${broken.length} of ${count} images that can't be used: ${examples.join('; ')}${more}`;
}

function requireEachClass(folder: string, classes: readonly string[], images: readonly UsableImage[]): void {
  const present = new Set(images.map(({ label }) => label));
  const empty = classes.filter((_, label) => !present.has(label));
  if (empty.length === 0) return;
  throw new UserError(`${folder}: expected images of each class that can be used, found none of ${names(empty)}`);
}
