import { existsSync, readdirSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { messageOf, UserError } from '../../base/errors.js';
import { type ChosenClasses, chooseClasses, names } from './choose-classes.js';
import { readLabelTables, TABLES } from './label-tables.js';

const EXTENSIONS = new Set(['.jpg', '.jpeg', '.png', '.webp']);

/** Image files, as paths in their folder, and a class number for each. */
export interface ListedSplit {
  readonly files: readonly string[];
  readonly labels: Uint16Array;
}

/** The images of a folder. */
export interface Listing {
  readonly classes: readonly string[];
  readonly train: ListedSplit;
  readonly test: ListedSplit;
}

/** Paths in the folder by class. */
export type ByClass = ReadonlyMap<string, readonly string[]>;

/** Whether a folder is laid out as `listImages` reads it. */
export function isImageFolder(folder: string): boolean {
  return [`train`, ...TABLES].some((name) => existsSync(join(folder, name)));
}

/**
 * Lists an image folder: `train/CLASS/*.jpg` (.jpeg, .png, .webp) and `test/CLASS/...` or else `val/CLASS/...`; or
 * the files that tables name (see `readLabelTables`). Classes are sorted by name, and images by name in a class.
 *
 * @throws UserError where there is neither, classes differ between the two, or one is empty
 */
export function listImages(folder: string, chosen?: ChosenClasses): Listing {
  const inFolders = existsSync(join(folder, 'train'));
  const { train, test, testName } = inFolders ? listClassFolders(folder) : readLabelTables(folder);
  const available = [...train.keys()].sort();
  const classes = chooseClasses(available, chosen, folder);
  requireSameClasses(folder, classes, test, testName, chosen === undefined);
  return { classes, train: split(folder, classes, train), test: split(folder, classes, test) };
}

function listClassFolders(folder: string): { train: ByClass; test: ByClass; testName: string } {
  const train = classFolders(folder, 'train');
  if (train.size === 0) throw new UserError(`${folder}/train: expected a folder per class, found none`);
  // ImageNet's own `test` has no labels, and so no folders.
  for (const testName of ['test', 'val']) {
    const test = existsSync(join(folder, testName)) ? classFolders(folder, testName) : new Map();
    if (test.size > 0) return { train, test, testName };
  }
  throw new UserError(`${folder}: expected test/ or val/ beside train/, with a folder per class; found neither`);
}

function classFolders(folder: string, part: string): ByClass {
  const isFolder = (name: string) => statSync(join(folder, part, name), { throwIfNoEntry: false })?.isDirectory();
  const classes = namesIn(join(folder, part)).filter((name) => {
    try {
      return isFolder(name);
    } catch (thrown) {
      throw new UserError(`${folder}/${part}/${name}: expected a folder of images, found: ${messageOf(thrown)}`);
    }
  });
  return new Map(
    classes.map((name) => {
      const files = namesIn(join(folder, part, name)).filter((file) => EXTENSIONS.has(extname(file).toLowerCase()));
      return [name, files.map((file) => join(part, name, file))];
    }),
  );
}

/** Sorted; without what systems hide in folders. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => !name.startsWith('.'))
      .sort();
  } catch (thrown) {
    throw new UserError(`${folder}: expected a folder, found: ${messageOf(thrown)}`);
  }
}

/** Of chosen classes, test must have each; where none are chosen, no others. */
function requireSameClasses(
  folder: string,
  classes: readonly string[],
  test: ByClass,
  testName: string,
  all: boolean,
): void {
  const trained = new Set(classes);
  const lacking = classes.filter((name) => !test.has(name));
  const extra = all ? [...test.keys()].filter((name) => !trained.has(name)) : [];
  if (lacking.length + extra.length === 0) return;
  const differences = [
    ...(lacking.length > 0 ? [`${testName} lacks ${names(lacking)}`] : []),
    ...(extra.length > 0 ? [`only ${testName} has ${names(extra)}`] : []),
  ];
  throw new UserError(`${folder}: expected the same classes in train and ${testName}; ${differences.join('; ')}`);
}

function split(folder: string, classes: readonly string[], byClass: ByClass): ListedSplit {
  const files: string[] = [];
  const labels: number[] = [];
  for (const [label, name] of classes.entries()) {
    const own = byClass.get(name) ?? [];
    if (own.length === 0)
      throw new UserError(`${folder}: expected images of class ${name}, found none in one of its splits`);
    for (const file of own) {
      files.push(file);
      labels.push(label);
    }
  }
  return { files, labels: Uint16Array.from(labels) };
}
