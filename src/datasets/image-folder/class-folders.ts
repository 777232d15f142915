import { sep } from 'node:path';
import { UserError } from '../../base/errors.js';
import { fileKind } from './file-kinds.js';
import type { ByClass, FoundImages } from './found-images.js';
import type { FolderContent } from './walk.js';

/** Names of splits, in lower case; the first whose folder has class folders is used. */
export const TRAIN_NAMES: ReadonlySet<string> = new Set(['train', 'training']);
export const TEST_NAMES: ReadonlySet<string> = new Set(['test', 'testing', 'val', 'valid', 'validation']);

const splitNames = new Set([...TRAIN_NAMES, ...TEST_NAMES]);
/** Names that contain one of a split, such as "seg_train" or "test-images". */
const LIKE_A_SPLIT = /(^|[^a-z])(train|test|val|valid|dev|eval)|(train|test|val|dev|eval)(set|ing|$)/i;

/** Whether a folder name denotes a split, not a class. */
export const isSplitName = (name: string): boolean => splitNames.has(name.toLowerCase());

/**
 * Lists `train/CLASS/...` with `test/CLASS/...` or else `val/CLASS/...`; or `CLASS/...` alone. Images may be in folders
 * inside the class folder. Nothing is returned if the folder isn't laid out like this.
 */
export function listClassFolders(content: FolderContent): FoundImages | undefined {
  const inFolder = (name: string) => classesIn(content, name);
  const train = namedFolder(content, TRAIN_NAMES, (name) => inFolder(name).size > 0);
  if (train !== undefined) {
    // ImageNet's own `test` has no labels, and therefore no folders.
    const test = namedFolder(content, TEST_NAMES, (name) => inFolder(name).size > 0);
    return {
      layout: test === undefined ? `${train}/CLASS` : `${train}/CLASS and ${test}/CLASS`,
      train: inFolder(train),
      test: test === undefined ? undefined : { name: test, images: inFolder(test) },
    };
  }
  const found = [...classesIn(content, '')];
  const classes = found.filter(([, files]) => files.length > 0);
  // A folder with the name of a split may be a class, such as "train" beside "bus": its images are directly in it.
  const isClass = ([name, files]: [string, readonly string[]]) =>
    !isSplitName(name) || (classes.length > 1 && files.some((file) => depth(file) === 2));
  if (classes.length === 0 || !classes.every(isClass)) return undefined;
  // A folder of notes isn't a class, but one whose images can't be read is, and must not disappear.
  const unreadable = found.filter(([name, files]) => files.length === 0 && hasUnsupportedImages(content, name));
  return { layout: 'CLASS', train: new Map([...classes, ...unreadable]) };
}

const hasUnsupportedImages = ({ files }: FolderContent, folder: string): boolean =>
  files.some((path) => path.split(sep)[0].normalize('NFC') === folder && fileKind(path) === 'unsupported image');

/**
 * @throws UserError if the folders of classes look like splits, because they hold the same folders, or if the folders inside
 * every class have the names of splits: the images would be learned under the wrong names, or tested on after training
 */
export function requireClassesNotSplits(folder: string, { layout, train }: FoundImages): void {
  if (layout !== 'CLASS') return;
  const inside = [...train].map(([name, files]) => ({ name, folders: innerFolders(files) }));
  const splits = inside.flatMap(({ folders }) => [...folders].filter(isSplitName));
  if (inside.every(({ folders }) => folders.size > 1 && [...folders].every(isSplitName))) {
    throw new UserError(
      `${folder}: expected train/CLASS/, found the splits inside the classes (${inside[0].name}/${splits[0]}); move the ` +
        `images of each class to train/CLASS/ and test/CLASS/`,
    );
  }
  const [first, ...others] = inside;
  const isSame = others.some(({ folders }) => [...folders].some((name) => first.folders.has(name)));
  if (isSame && inside.every(({ name, folders }) => LIKE_A_SPLIT.test(name) && folders.size > 1)) {
    throw new UserError(
      `${folder}: expected a folder per class, found ${inside.map(({ name }) => name).join(', ')} with the same folders ` +
        `inside (${[...first.folders].slice(0, 3).join(', ')}); call them train and test`,
    );
  }
}

/** The folders directly inside a class that hold its images. */
const innerFolders = (files: readonly string[]): ReadonlySet<string> =>
  new Set(files.flatMap((file) => (depth(file) > 2 ? [file.split(sep)[1]] : [])));

/** @throws UserError for a folder `train` without class folders */
export function requireClassFolders(folder: string, content: FolderContent): void {
  const train = namedFolder(content, TRAIN_NAMES, () => true);
  if (train === undefined) return;
  throw new UserError(`${folder}/${train}: expected a folder per class, found none`);
}

/** The first folder with one of these names (in lower case) that passes a test, in the order of the names. */
function namedFolder(
  { folders }: FolderContent,
  names: Iterable<string>,
  passes: (name: string) => boolean,
): string | undefined {
  const top = folders.filter((folder) => depth(folder) === 1);
  const inOrder = [...names].flatMap((name) => top.filter((folder) => folder.toLowerCase() === name));
  return inOrder.find(passes);
}

/** The class folders in a folder, with their images. Includes folders without images. */
function classesIn({ files, folders }: FolderContent, folder: string): ByClass {
  const level = folder === '' ? 1 : 2;
  const isInside = (path: string) => folder === '' || path.startsWith(folder + sep);
  const classes = new Map<string, string[]>();
  const nameOf = (path: string) => path.split(sep)[level - 1].normalize('NFC');
  for (const path of folders) if (isInside(path) && depth(path) === level) classes.set(nameOf(path), []);
  for (const file of files) {
    if (isInside(file) && depth(file) > level && fileKind(file) === 'image') classes.get(nameOf(file))?.push(file);
  }
  return classes;
}

const depth = (path: string): number => path.split(sep).length;
