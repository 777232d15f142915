import { join, posix, relative, resolve, sep } from 'node:path';
import { parse } from 'csv-parse/sync';
import { messageOf, UserError } from '../../base/errors.js';
import { readFileOrExplain } from '../../base/files.js';
import { decodeText, looksLikeUtf16 } from '../../base/text.js';
import { fileFinder } from './find-named-file.js';
import { type FoundImages, groupByClass, type LabelledFile } from './found-images.js';
import type { FolderContent } from './walk.js';

/** Names of tables, in lower case, without their extension. */
const TRAIN = 'train';
const TEST = ['test', 'val', 'valid', 'validation'];
const ALL = 'labels';
const ENDINGS = ['.csv', '.tsv'];

/** Names of columns, in lower case. */
const FILE_COLUMNS = ['file', 'filename', 'file_name', 'image'];
const LABEL_COLUMNS = ['label', 'class', 'category'];

const DELIMITERS = [',', ';', '\t'];

const tableNames = new Set([TRAIN, ...TEST, ALL].flatMap((name) => ENDINGS.map((ending) => name + ending)));

/** Whether a path in an image folder is a label table. */
export const isTable = (path: string): boolean => tableNames.has(path.toLowerCase());

/**
 * Reads the classes of images from tables with a column for the file (a path in the folder) and one for its class:
 * `train.csv` and `test.csv` (or `val.csv`), or `train.csv` or `labels.csv` alone. Commas, semicolons or tabs separate the columns.
 *
 * @throws UserError if a table is missing, isn't such a table, or names a file outside the folder
 */
export function readLabelTables(folder: string, content: FolderContent): FoundImages {
  const find = fileFinder(content.files);
  const nameOf = (table: string) =>
    content.files.find((path) => ENDINGS.some((ending) => path.toLowerCase() === table + ending));
  const read = (name: string) => readTable(folder, name, find);
  const train = nameOf(TRAIN);
  if (train === undefined) {
    const name = nameOf(ALL);
    if (name === undefined) {
      throw new UserError(`${folder}: expected a table train.csv, or labels.csv; found only a table for testing`);
    }
    const rows = read(name);
    return { layout: name, train: groupByClass(rows), rows };
  }
  const test = TEST.map(nameOf).find((name) => name !== undefined);
  const rows = read(train);
  if (test === undefined) return { layout: train, train: groupByClass(rows), rows };
  const testRows = read(test);
  return {
    layout: `${train} and ${test}`,
    train: groupByClass(rows),
    test: { name: test, images: groupByClass(testRows) },
    rows: [...rows, ...testRows],
  };
}

function readTable(folder: string, name: string, find: (path: string) => string | undefined): LabelledFile[] {
  const path = join(folder, name);
  const text = decodeText(readFileOrExplain(path, 'a table with the columns file and label'), path);
  if (looksLikeUtf16(text)) {
    throw new UserError(`${path}: expected UTF-8, found UTF-16 without a byte order mark; save the file as UTF-8`);
  }
  const records = parseTable(text, path);
  if (records.length === 0) throw new UserError(`${path}: expected images, found none`);
  const columns = Object.keys(records[0]);
  const columnOf = (names: readonly string[]) => columns.find((column) => names.includes(column.toLowerCase()));
  const [fileColumn, labelColumn] = [columnOf(FILE_COLUMNS), columnOf(LABEL_COLUMNS)];
  if (fileColumn === undefined || labelColumn === undefined) {
    throw new UserError(`${path}: expected the columns file and label, found ${columns.join(', ')}`);
  }
  const rowOf = new Map<string, number>();
  return records.map((record, i) => {
    const [file, label] = [record[fileColumn], record[labelColumn]];
    if (!file || !label) {
      throw new UserError(`${path}: expected a file and a label in each row, found none in row ${i + 1}`);
    }
    const inFolder = find(file) ?? relative(folder, resolve(folder, posix.normalize(file)));
    if (inFolder === '..' || inFolder.startsWith(`..${sep}`) || resolve(inFolder) === inFolder) {
      throw new UserError(`${path}: expected paths in ${folder}, found ${file} in row ${i + 1}`);
    }
    const row = { file: inFolder, label: label.normalize('NFC') };
    const before = rowOf.get(inFolder) ?? i;
    rowOf.set(inFolder, before);
    const other = records[before][labelColumn];
    if (other.normalize('NFC') === row.label) return row;
    throw new UserError(
      `${path}: expected one class for each file, found ${file} as ${other} in row ${before + 1} and as ${label} in row ${i + 1}`,
    );
  });
}

function parseTable(text: string, path: string): Record<string, string>[] {
  const header = text.split(/\r?\n/, 1)[0];
  const counts = DELIMITERS.map((delimiter) => header.split(delimiter).length);
  const delimiter = DELIMITERS[counts.indexOf(Math.max(...counts))];
  try {
    return parse(text, { columns: true, bom: true, skip_empty_lines: true, trim: true, delimiter });
  } catch (thrown) {
    throw new UserError(`${path}: expected comma-separated values, found: ${messageOf(thrown)}`);
  }
}
