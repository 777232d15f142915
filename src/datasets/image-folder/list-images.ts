import { extname, join, sep } from 'node:path';
import { UserError } from '../../base/errors.js';
import type { IgnoredFiles } from '../dataset.js';
import { type SplitRule, splitTrainValidation } from '../split.js';
import { type ChosenClasses, chooseClasses, names } from './choose-classes.js';
import { isSplitName, listClassFolders, requireClassesNotSplits, requireClassFolders } from './class-folders.js';
import { fileKind } from './file-kinds.js';
import { type ByClass, type FoundImages, groupByClass } from './found-images.js';
import { isTable, readLabelTables } from './label-tables.js';
import { type FolderContent, walk } from './walk.js';

/** Image files, as paths in their folder, and a class number for each. */
export interface ListedSplit {
  readonly files: readonly string[];
  readonly labels: Uint16Array;
}

/** The images of a folder. */
export interface Listing {
  /** Absolute, or as given. */
  readonly folder: string;
  readonly layout: string;
  readonly classes: readonly string[];
  readonly train: ListedSplit;
  /** Nothing if the folder doesn't say which images are for testing. */
  readonly test?: ListedSplit;
  readonly ignored: readonly IgnoredFiles[];
  /** Images that a table puts into one class, and that are in the folder of another class. */
  readonly contradicted: readonly string[];
}

/** The share of images for testing if the folder doesn't define a test split, and the seed of lcdnn 0.1. */
export const TEST_SHARE = 0.1;
const TEST_SEED = 0;

/** Number of example files for each reason that files are ignored. */
const EXAMPLES = 3;

/** Formats that lcdnn read before splits depended on content. */
const OLD_EXTENSIONS = new Set(['.jpg', '.jpeg', '.png', '.webp']);

/**
 * Lists an image folder: class folders (see `listClassFolders`), or the files that tables name (see
 * `readLabelTables`). Classes are sorted by name, and images by name in a class. A folder with nothing but one folder in
 * it, as archives unpack to, stands for that folder.
 *
 * @param rule `position` lists the files that runs of lcdnn 0.1 were trained on
 * @throws UserError if there is neither, if the classes of the two splits differ, or if a class is empty
 */
export function listImages(root: string, chosen?: ChosenClasses, rule: SplitRule = 'content'): Listing {
  const { folder, content } = openWrapped(root);
  const found =
    rule === 'content'
      ? findImages(folder, content, rule)
      : splitByPosition(findImages(folder, oldContent(content), rule));
  if (rule === 'content') requireClassesNotSplits(folder, found);
  const available = [...found.train.keys()].sort();
  const classes = chooseClasses(available, chosen, folder);
  if (found.test) requireSameClasses(folder, classes, found.test, chosen === undefined);
  const parts: ByClass[] = found.test ? [found.train, found.test.images] : [found.train];
  const used = new Set(parts.flatMap((part) => [...part.values()].flat()));
  return {
    folder,
    layout: found.layout,
    classes,
    train: split(folder, classes, found.train),
    ...(found.test ? { test: split(folder, classes, found.test.images) } : {}),
    ignored: ignoredFiles(content, used, found),
    contradicted: contradictedImages(found, new Set(classes)),
  };
}

const contradictedImages = ({ rows = [] }: FoundImages, classes: ReadonlySet<string>): string[] =>
  rows.flatMap(({ file, label }) => {
    const folders = file.split(sep).slice(0, -1);
    const named = folders.map((folder) => folder.normalize('NFC')).filter((folder) => classes.has(folder));
    return named.length > 0 && !named.includes(label) ? [file] : [];
  });

function findImages(folder: string, content: FolderContent, rule: SplitRule): FoundImages {
  const hasTables = content.files.some(isTable);
  const found = listClassFolders(content);
  if (found && !(hasTables && found.layout === 'CLASS')) return found;
  if (hasTables) return readLabelTables(folder, content, rule);
  requireClassFolders(folder, content);
  throw new UserError(
    `${folder}: expected train/CLASS/ with images (and test/CLASS/ or val/CLASS/), or CLASS/ alone, or a table ` +
      'labels.csv; found none of these',
  );
}

/** The folder itself, or the only folder in it. */
function openWrapped(root: string): { folder: string; content: FolderContent } {
  const content = walk(root);
  const top = content.folders.filter((path) => !path.includes(sep));
  const isWrapper = top.length === 1 && !content.files.some(isTable) && !isSplitName(top[0]);
  const isLaidOut =
    isWrapper && (content.folders.length > 2 || content.files.some((path) => isTable(path.slice(top[0].length + 1))));
  return isLaidOut ? openWrapped(join(root, top[0])) : { folder: root, content };
}

/** The files of a folder that lcdnn 0.1 used: images in four formats, directly in their class folders. */
function oldContent({ files, ...rest }: FolderContent): FolderContent {
  const isOld = (path: string) => isTable(path) || OLD_EXTENSIONS.has(extname(path).toLowerCase());
  return { ...rest, files: files.filter((path) => isOld(path) && path.split(sep).length <= 3) };
}

/** The test split that lcdnn 0.1 drew from a table by position. */
function splitByPosition(found: FoundImages): FoundImages {
  if (found.test || !found.rows) return found;
  const { rows } = found;
  const numberOf = new Map([...found.train.keys()].sort().map((name, number) => [name, number]));
  const labels = Uint16Array.from(rows, ({ label }) => numberOf.get(label)!);
  const { train, validation } = splitTrainValidation({ labels }, TEST_SHARE, TEST_SEED);
  const part = (indices: Int32Array) => groupByClass(Array.from(indices, (index) => rows[index]));
  return { ...found, train: part(train), test: { name: 'the tenth of it for testing', images: part(validation) } };
}

/** If classes were chosen, the test split must have each of them; if not, it must not have additional ones. */
function requireSameClasses(
  folder: string,
  classes: readonly string[],
  { name, images }: NonNullable<FoundImages['test']>,
  all: boolean,
): void {
  const trained = new Set(classes);
  const missing = classes.filter((label) => !images.has(label));
  const extra = all ? [...images.keys()].filter((label) => !trained.has(label)) : [];
  if (missing.length + extra.length === 0) return;
  const differences = [
    ...(missing.length > 0 ? [`${name} lacks ${names(missing)}`] : []),
    ...(extra.length > 0 ? [`only ${name} has ${names(extra)}`] : []),
  ];
  throw new UserError(`${folder}: expected the same classes in train and ${name}; ${differences.join('; ')}`);
}

function split(folder: string, classes: readonly string[], byClass: ByClass): ListedSplit {
  const empty = classes.filter((name) => (byClass.get(name) ?? []).length === 0);
  if (empty.length > 0) {
    throw new UserError(
      `${folder}: expected images of class ${names(empty)}, found none in one of its splits that can be read (JPEG, PNG, ` +
        'WebP, GIF, AVIF or TIFF); convert them, or remove the folder',
    );
  }
  const rows = classes.flatMap((name, label) => byClass.get(name)!.map((file) => ({ file, label })));
  return { files: rows.map(({ file }) => file), labels: Uint16Array.from(rows, ({ label }) => label) };
}

/** Counts the files that aren't used, by reason. */
function ignoredFiles(content: FolderContent, used: ReadonlySet<string>, found: FoundImages): IgnoredFiles[] {
  const byReason = new Map<string, string[]>();
  for (const file of content.files) {
    if (used.has(file) || isTable(file)) continue;
    const reason = ignoredBecause(file, found);
    byReason.set(reason, [...(byReason.get(reason) ?? []), file]);
  }
  const counted = [...byReason].map(([reason, files]) => ({
    reason,
    count: files.length,
    examples: files.slice(0, EXAMPLES),
  }));
  const { systemFiles } = content;
  return systemFiles === 0 ? counted : [...counted, { reason: 'system files', count: systemFiles, examples: [] }];
}

function ignoredBecause(file: string, { layout, rows }: FoundImages): string {
  switch (fileKind(file)) {
    case 'unsupported image':
      return 'in an image format that is not supported here: convert them to JPEG or PNG';
    case 'image':
      if (rows) return 'images that no table names';
      return `images outside the folders that are used (${layout})`;
    default:
      return 'not images';
  }
}
