import { existsSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import { z } from 'zod';
import { messageOf, UserError } from '../base/errors.js';
import { readFileOrExplain, writeFileAtomic } from '../base/files.js';
import { refuseNewerFormat } from '../base/format-version.js';
import { checkValue, readJson } from '../base/json.js';
import { type Run, runFile } from './run-directory.js';

const FORMAT = 1;
const WHAT = 'the data record of a run';

const count = z.int().nonnegative();

/** What a run was trained on: `data.json`. */
const recordSchema = z.strictObject({
  version: z.literal(FORMAT),
  dataset: z.string(),
  /** Class names by class number. */
  classes: z.array(z.string()).min(1),
  /** How images are assigned to splits: by a hash of their content, or by position with exact counts. */
  splitRule: z.enum(['content', 'position']),
  images: z.strictObject({ train: count, validation: count, test: count }),
  /** SHA-256 of all images with their classes. */
  fingerprint: z.string().length(64),
});

const recordedImage = z.tuple([z.string(), z.string(), z.int(), z.enum(['train', 'validation', 'test'])]);

/** An image file of a run: its path in the folder, the hash of its content, its class number, and its split. */
export type RecordedImage = Readonly<z.infer<typeof recordedImage>>;

export interface DataRecord extends z.infer<typeof recordSchema> {
  /** Of image folders; kept in `images.jsonl.gz`. */
  readonly files?: readonly RecordedImage[];
}

/** Writes the record into a run directory. */
export function writeDataRecord(run: Pick<Run, 'path'>, { files, ...record }: DataRecord): void {
  if (files) {
    const lines = files.map((file) => `${JSON.stringify(file)}\n`).join('');
    writeFileAtomic(runFile(run, 'images'), gzipSync(lines));
  }
  writeFileAtomic(runFile(run, 'data'), `${JSON.stringify(record, null, 2)}\n`);
}

/** The record of a run; nothing for runs of lcdnn 0.1. @throws UserError if a file holds something else */
export function readDataRecord(run: Pick<Run, 'path'>): DataRecord | undefined {
  const path = runFile(run, 'data');
  if (!existsSync(path)) return undefined;
  const written = readJson(path, z.unknown(), WHAT);
  refuseNewerFormat(written, FORMAT, path, WHAT);
  const record = checkValue(written, recordSchema, path, WHAT);
  return existsSync(runFile(run, 'images')) ? { ...record, files: readImages(run) } : record;
}

function readImages(run: Pick<Run, 'path'>): RecordedImage[] {
  const path = runFile(run, 'images');
  const bytes = readFileOrExplain(path, 'the images of a run');
  try {
    const lines = gunzipSync(bytes).toString('utf8').split('\n').filter(Boolean);
    return lines.map((line) => recordedImage.parse(JSON.parse(line)));
  } catch (thrown) {
    throw new UserError(
      `${path}: expected the images of a run, a line each, found something else (${messageOf(thrown)})`,
    );
  }
}
