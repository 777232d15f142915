import { join, posix, relative, resolve, sep } from 'node:path';
import { parse } from 'csv-parse/sync';
import { messageOf, UserError } from '../../base/errors.js';
import { readFileOrExplain } from '../../base/files.js';
import { decodeText, looksLikeUtf16 } from '../../base/text.js';
import type { SplitRule } from '../split.js';
import { TEST_NAMES, TRAIN_NAMES } from './class-folders.js';
import { fileFinder } from './find-named-file.js';
import { type FoundImages, groupByClass, type LabelledFile } from './found-images.js';
import type { FolderContent } from './walk.js';

/** Names of tables, in lower case, without their extension. */
const TRAIN = 'train';
const TEST = ['test', 'val', 'valid', 'validation'];
const ALL = 'labels';
const ENDINGS = ['.csv', '.tsv'];

/** Names of columns, in lower case. */
const FILE_COLUMNS = ['file', 'filename', 'file_name', 'image', 'image_id', 'image_path', 'filepath'];
const LABEL_COLUMNS = ['label', 'class', 'category'];
const SPLIT_COLUMNS = ['split', 'subset', 'partition'];

const DELIMITERS = [',', ';', '\t'];

const tableNames = new Set([TRAIN, ...TEST, ALL].flatMap((name) => ENDINGS.map((ending) => name + ending)));

/** Whether a path in an image folder is a label table. */
export const isTable = (path: string): boolean => tableNames.has(path.toLowerCase());

/**
 * Reads the classes of images from tables with a column for the file (a path in the folder) and one for its class:
 * `train.csv` and `test.csv` (or `val.csv`), or `train.csv` or `labels.csv` alone. Commas, semicolons or tabs separate the
 * columns. A table that is alone may have a column for the split.
 *
 * @param rule runs of lcdnn 0.1 (`position`) ignore the column for the split
 * @throws UserError if a table is missing, isn't such a table, or names a file outside the folder
 */
export function readLabelTables(folder: string, content: FolderContent, rule: SplitRule): FoundImages {
  const find = fileFinder(content.files);
  const nameOf = (table: string) =>
    content.files.find((path) => ENDINGS.some((ending) => path.toLowerCase() === table + ending));
  const read = (name: string) => readTable(folder, name, find);
  const train = nameOf(TRAIN);
  const test = train === undefined ? undefined : TEST.map(nameOf).find((name) => name !== undefined);
  const alone = train ?? nameOf(ALL);
  if (alone === undefined) {
    throw new UserError(`${folder}: expected a table train.csv, or labels.csv; found only a table for testing`);
  }
  const rows = read(alone);
  if (train === undefined || test === undefined) {
    return (rule === 'content' && splitByColumn(alone, rows)) || { layout: alone, train: groupByClass(rows), rows };
  }
  const testRows = read(test);
  return {
    layout: `${train} and ${test}`,
    train: groupByClass(rows),
    test: { name: test, images: groupByClass(testRows) },
    rows: [...rows, ...testRows],
  };
}

/** A row of a table. */
interface Row extends LabelledFile {
  /** Content of the column for the split, in lower case. */
  readonly split?: string;
}

/** The splits that a column of the table names: `train`, and `test` or else `val`. Nothing if there is no such column. */
function splitByColumn(table: string, rows: readonly Row[]): FoundImages | undefined {
  const test = [...TEST_NAMES].find((name) => rows.some(({ split }) => split === name));
  if (test === undefined || !rows.some(({ split }) => TRAIN_NAMES.has(split ?? ''))) return undefined;
  const trainRows = rows.filter(({ split }) => TRAIN_NAMES.has(split ?? ''));
  const testRows = rows.filter(({ split }) => split === test);
  return {
    layout: `${table}, whose column says train or ${test}`,
    train: groupByClass(trainRows),
    test: { name: test, images: groupByClass(testRows) },
    rows: [...trainRows, ...testRows],
  };
}

function readTable(folder: string, name: string, find: (path: string) => string | undefined): Row[] {
  const path = join(folder, name);
  const text = decodeText(readFileOrExplain(path, 'a table with the columns file and label'), path);
  if (looksLikeUtf16(text)) {
    throw new UserError(`${path}: expected UTF-8, found UTF-16 without a byte order mark; save the file as UTF-8`);
  }
  const records = parseTable(text, path);
  if (records.length === 0) throw new UserError(`${path}: expected images, found none`);
  const columns = Object.keys(records[0]);
  const columnsOf = (names: readonly string[]) =>
    names.flatMap((name) => columns.filter((column) => column.toLowerCase() === name));
  const [[fileColumn], labelColumns] = [columnsOf(FILE_COLUMNS), columnsOf(LABEL_COLUMNS)];
  if (fileColumn === undefined || labelColumns.length === 0) {
    throw new UserError(`${path}: expected the columns file and label, found ${columns.join(', ')}`);
  }
  requireOneMeaning(path, records, labelColumns);
  const [labelColumn] = labelColumns;
  const [splitColumn] = columnsOf(SPLIT_COLUMNS);
  const rowOf = new Map<string, number>();
  return records.map((record, i) => {
    const [file, label] = [record[fileColumn], visible(record[labelColumn])];
    if (!file || !label) {
      throw new UserError(`${path}: expected a file and a label in each row, found none in row ${i + 1}`);
    }
    const inFolder = find(file) ?? relative(folder, resolve(folder, posix.normalize(file)));
    if (inFolder === '..' || inFolder.startsWith(`..${sep}`) || resolve(inFolder) === inFolder) {
      throw new UserError(`${path}: expected paths in ${folder}, found ${file} in row ${i + 1}`);
    }
    const split = splitColumn === undefined ? {} : { split: record[splitColumn].toLowerCase() };
    const row = { file: inFolder, label: label.normalize('NFC'), ...split };
    const before = rowOf.get(inFolder) ?? i;
    rowOf.set(inFolder, before);
    const other = visible(records[before][labelColumn]);
    if (other.normalize('NFC') === row.label) return row;
    throw new UserError(
      `${path}: expected one class for each file, found ${file} as ${other} in row ${before + 1} and as ${label} in row ${i + 1}`,
    );
  });
}

/** A name without the invisible characters around it that programs leave when text is copied. */
const visible = (text: string): string => text.replaceAll(/^[\p{Cf}\s]+|[\p{Cf}\s]+$/gu, '');

/** @throws UserError if several columns name classes, and not the same ones in other words (numbers and names) */
function requireOneMeaning(
  path: string,
  records: readonly Record<string, string>[],
  [first, ...others]: readonly string[],
): void {
  for (const other of others) {
    const pairs = new Set(records.map((record) => JSON.stringify([record[first], record[other]])));
    const [ours, theirs] = [first, other].map((column) => new Set(records.map((record) => record[column])).size);
    if (pairs.size === ours && pairs.size === theirs) continue;
    throw new UserError(
      `${path}: expected one column of classes, found ${first} and ${other}, which disagree; rename or remove one of them`,
    );
  }
}

function parseTable(text: string, path: string): Record<string, string>[] {
  const header = text.split(/\r?\n/, 1)[0];
  const counts = DELIMITERS.map((delimiter) => header.split(delimiter).length);
  const delimiter = DELIMITERS[counts.indexOf(Math.max(...counts))];
  try {
    return parse(text, {
      columns: (names: string[]) => uniqueNames(names, path),
      bom: true,
      skip_empty_lines: true,
      trim: true,
      delimiter,
    });
  } catch (thrown) {
    if (thrown instanceof UserError) throw thrown;
    throw new UserError(`${path}: expected comma-separated values, found: ${messageOf(thrown)}`);
  }
}

function uniqueNames(names: string[], path: string): string[] {
  const twice = names.find((name, i) => name !== '' && names.indexOf(name) !== i);
  if (twice === undefined) return names;
  throw new UserError(`${path}: expected each column once, found ${twice} twice; rename or remove one of them`);
}
