import {
  closeSync,
  existsSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { UserError } from '../../base/errors.js';
import { makeFolder, writeError } from '../../base/files.js';
import { fileSize } from '../../base/format.js';

/** Most bytes of all feature files together. The least recently used ones are removed. */
const MOST_BYTES = 8e9;

/** Records of equally many float32 numbers in one file of the cache. */
export interface FeatureFile {
  readonly bytes: number;
  /** Fills `target` with a record. */
  read(record: number, target: Float32Array): void;
  close(): void;
}

/** A file in the making. Records that were written before an interruption are kept. */
export interface FeatureWriter {
  /** Records in the file so far. */
  readonly records: number;
  append(records: Float32Array): void;
  /** Drops the records from this one on. */
  truncate(records: number): void;
  /** The finished file. */
  finish(): FeatureFile;
  /** Keeps what was written for the next time. */
  close(): void;
}

/** @returns nothing if the file isn't in the cache */
export function openFeatures(path: string, length: number): FeatureFile | undefined {
  if (!existsSync(path)) return undefined;
  const file = openSync(path, 'r');
  const now = new Date();
  utimesSync(path, now, now);
  const size = 4 * length;
  return {
    bytes: statSync(path).size,
    read(record, target) {
      const bytes = new Uint8Array(target.buffer, target.byteOffset, size);
      if (readSync(file, bytes, 0, size, record * size) === size) return;
      throw new UserError(`${path}: expected record ${record}, found the file cut short; remove it and start again`);
    },
    close: () => closeSync(file),
  };
}

/**
 * Begins a file, or continues one that an ended process has left.
 *
 * @param records number of records that the file will have
 * @throws UserError if it would be larger than the whole cache, or can't be written
 */
export function writeFeatures(path: string, length: number, records: number): FeatureWriter {
  const size = 4 * length;
  if (records * size > MOST_BYTES) {
    throw new UserError(
      `views: expected at most ${fileSize(MOST_BYTES)} of features, found ${fileSize(records * size)} for ${records} ` +
        'views; give a smaller --views, or fewer images',
    );
  }
  makeFolder(dirname(path));
  makeRoom(dirname(path), records * size);
  const part = `${path}.${process.pid}.part`;
  const abandoned = partsOf(path).find((found) => !isRunning(pidOf(found)));
  if (abandoned) renameSync(abandoned, part);
  const file = guarded(path, () => openSync(part, abandoned ? 'r+' : 'w'));
  let written = abandoned ? Math.floor(statSync(part).size / size) : 0;
  return {
    get records() {
      return written;
    },
    append(values) {
      const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      guarded(path, () => writeSync(file, bytes, 0, bytes.length, written * size));
      written += values.length / length;
    },
    truncate(count) {
      ftruncateSync(file, count * size);
      written = count;
    },
    finish() {
      closeSync(file);
      renameSync(part, path);
      return openFeatures(path, length)!;
    },
    close: () => closeSync(file),
  };
}

function guarded<Result>(path: string, write: () => Result): Result {
  try {
    return write();
  } catch (thrown) {
    throw writeError(path, thrown);
  }
}

/** Removes the least recently used files until `needed` more bytes fit. Files in the making stay. */
function makeRoom(folder: string, needed: number): void {
  const files = readdirSync(folder)
    .filter((name) => name.endsWith('.f32') || (name.endsWith('.part') && !isRunning(pidOf(name))))
    .map((name) => ({ path: join(folder, name), ...sizeAndTime(join(folder, name)) }))
    .sort((a, b) => b.time - a.time);
  let total = needed;
  for (const { path, bytes } of files) {
    total += bytes;
    if (total > MOST_BYTES) rmSync(path, { force: true });
  }
}

function sizeAndTime(path: string): { bytes: number; time: number } {
  const found = statSync(path, { throwIfNoEntry: false });
  return { bytes: found?.size ?? 0, time: found?.mtimeMs ?? 0 };
}

function partsOf(path: string): string[] {
  const folder = dirname(path);
  const names = readdirSync(folder).map((name) => join(folder, name));
  return names.filter((name) => name.startsWith(`${path}.`) && name.endsWith('.part'));
}

/** The process that writes `NAME.f32.PID.part`. */
const pidOf = (part: string): number => Number(/\.(\d+)\.part$/.exec(part)?.[1] ?? 0);

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return pid !== process.pid;
  } catch {
    return false;
  }
}
