import {
  closeSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { codeOf, UserError } from '../../base/errors.js';
import { makeFolder, writeError } from '../../base/files.js';
import { isWriterRunning, unfinishedName, useEntry } from '../../datasets/cache/in-use.js';
import { makeRoom } from '../../datasets/cache/make-room.js';

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
  const release = useEntry(...entryAt(path));
  const file = openIfThere(path);
  if (file === undefined) {
    release();
    return undefined;
  }
  const size = 4 * length;
  return {
    bytes: fstatSync(file).size,
    read(record, target) {
      const bytes = new Uint8Array(target.buffer, target.byteOffset, size);
      if (readSync(file, bytes, 0, size, record * size) === size) return;
      throw new UserError(`${path}: expected record ${record}, found the file cut short; remove it and start again`);
    },
    close() {
      closeSync(file);
      release();
    },
  };
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch (thrown) {
    if (codeOf(thrown) === 'ENOENT') return undefined;
    throw thrown;
  }
}

/** Folder of the cache, and the name of an entry in it: `features/0123.f32`. */
const entryAt = (path: string): [folder: string, name: string] => [
  dirname(dirname(path)),
  `${basename(dirname(path))}/${basename(path)}`,
];

/**
 * Begins a file, or continues one that an ended process has left.
 *
 * @param records number of records that the file will have
 * @throws UserError if it would be larger than the cache may be, or can't be written
 */
export function writeFeatures(path: string, length: number, records: number): FeatureWriter {
  const size = 4 * length;
  makeFolder(dirname(path));
  const [folder] = entryAt(path);
  makeRoom(folder, records * size, `features of ${records} views`, 'give a smaller --views, or fewer images');
  const part = unfinishedName(path, 'part');
  const abandoned = takeAbandoned(path, part);
  const file = guarded(path, () => openSync(part, abandoned ? 'r+' : 'w'));
  const release = useEntry(...entryAt(path));
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
      const finished = openFeatures(path, length)!;
      release();
      return finished;
    },
    close() {
      closeSync(file);
      release();
    },
  };
}

function guarded<Result>(path: string, write: () => Result): Result {
  try {
    return write();
  } catch (thrown) {
    throw writeError(path, thrown);
  }
}

/** Renames what an ended process has written of a file to `part`, if there is something. @returns whether there is */
function takeAbandoned(path: string, part: string): boolean {
  const folder = dirname(path);
  const parts = readdirSync(folder).filter((name) => name.startsWith(`${basename(path)}.`) && name.endsWith('.part'));
  return parts.some((name) => {
    const found = join(folder, name);
    if (found !== part && isWriterRunning(found)) return false;
    try {
      renameSync(found, part);
      return true;
    } catch (thrown) {
      if (codeOf(thrown) === 'ENOENT') return false; // another process was faster
      throw thrown;
    }
  });
}
