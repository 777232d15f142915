import { existsSync } from 'node:fs';
import { join, normalize, relative, resolve, sep } from 'node:path';
import { parse } from 'csv-parse/sync';
import { messageOf, UserError } from '../../base/errors.js';
import { readFileOrExplain } from '../../base/files.js';
import { splitTrainValidation } from '../split.js';

/** The files that label a flat folder of images. */
export const TABLES = ['train.csv', 'labels.csv'] as const;

/** Where a table does not say what is for testing: a tenth of each class, drawn with this seed. */
const TEST_SHARE = 0.1;
const TEST_SEED = 0;

interface Row {
  readonly file: string;
  readonly label: string;
}

type ByClass = ReadonlyMap<string, readonly string[]>;

/**
 * Reads which images are of which class from comma-separated tables with columns `file` (a path in the folder) and
 * `label`: `train.csv` and `test.csv` (or `val.csv`), or `labels.csv`, of which a tenth is set aside for testing.
 *
 * @throws UserError where a table is absent, is no such table, or names a file outside the folder
 */
export function readLabelTables(folder: string): { train: ByClass; test: ByClass; testName: string } {
  if (existsSync(join(folder, 'train.csv'))) {
    const testName =
      existsSync(join(folder, 'val.csv')) && !existsSync(join(folder, 'test.csv')) ? 'val.csv' : 'test.csv';
    return {
      train: byClass(readTable(folder, 'train.csv')),
      test: byClass(readTable(folder, testName)),
      testName,
    };
  }
  const rows = readTable(folder, 'labels.csv');
  const classes = [...new Set(rows.map(({ label }) => label))].sort();
  const numberOf = new Map(classes.map((name, number) => [name, number]));
  const numbers = Uint16Array.from(rows, ({ label }) => numberOf.get(label) as number);
  const { train, validation: test } = splitTrainValidation(numbers, TEST_SHARE, TEST_SEED);
  const rowsAt = (indices: Int32Array) => Array.from(indices, (place) => rows[place]);
  return { train: byClass(rowsAt(train)), test: byClass(rowsAt(test)), testName: 'the tenth of it for testing' };
}

function readTable(folder: string, name: string): Row[] {
  const path = join(folder, name);
  const text = readFileOrExplain(path, 'train/CLASS/, or a table with the columns file and label').toString('utf8');
  let records: Record<string, string>[];
  try {
    records = parse(text, { columns: true, bom: true, skip_empty_lines: true, trim: true });
  } catch (thrown) {
    throw new UserError(`${path}: expected comma-separated values, found: ${messageOf(thrown)}`);
  }
  if (records.length === 0) throw new UserError(`${path}: expected images, found none`);
  const columns = Object.keys(records[0]);
  if (!columns.includes('file') || !columns.includes('label')) {
    throw new UserError(`${path}: expected the columns file and label, found ${columns.join(', ')}`);
  }
  return records.map(({ file, label }, i) => {
    if (!file || !label)
      throw new UserError(`${path}: expected a file and a label in each row, found none in row ${i + 1}`);
    const inside = relative(folder, resolve(folder, file));
    if (inside === '..' || inside.startsWith(`..${sep}`) || resolve(file) === normalize(file)) {
      throw new UserError(`${path}: expected paths in ${folder}, found ${file} in row ${i + 1}`);
    }
    return { file: inside, label };
  });
}

function byClass(rows: readonly Row[]): ByClass {
  const files = new Map<string, string[]>();
  for (const { file, label } of rows) {
    const own = files.get(label);
    if (own) own.push(file);
    else files.set(label, [file]);
  }
  return files;
}
