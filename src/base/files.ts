import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { codeOf, messageOf, UserError } from './errors.js';

/** Names of unfinished files: `.NAME.12 digits.tmp`. */
const TEMPORARY = /^\..+\.[0-9a-f]{12}\.tmp$/;

/** Maximum bytes per read or write. Node refuses 2 GiB, and a checkpoint of VGG16 for 224x224 images has 3. */
const PIECE = 2 ** 30;

/**
 * Writes a file atomically: a reader sees the whole old content or the whole new content, even if the process is killed.
 * Steps: write a temporary file in the same folder, fsync, rename, fsync the folder.
 *
 * @throws UserError if the folder can't be written or the disk is full; the old file stays unchanged
 */
export function writeFileAtomic(path: string, content: string | Uint8Array): void {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  try {
    const file = openSync(temporary, 'wx');
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at, Math.min(PIECE, bytes.length - at));
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
    syncFolder(dirname(path));
  } catch (thrown) {
    discard(temporary);
    throw writeError(path, thrown);
  }
}

/** Writes a file unless it exists. @returns whether it was written. @throws UserError as `writeFileAtomic` does */
export function writeNewFile(path: string, content: string): boolean {
  try {
    writeFileSync(path, content, { flag: 'wx' });
    return true;
  } catch (thrown) {
    if (codeOf(thrown) === 'EEXIST') return false;
    throw writeError(path, thrown);
  }
}

/** Removes temporary files of a killed `writeFileAtomic`, from a folder that no other process writes to. */
export function removeTemporaries(folder: string): void {
  for (const name of readdirSync(folder)) {
    if (TEMPORARY.test(name)) discard(join(folder, name));
  }
}

/** Creates a folder and its parents. @throws UserError if that isn't allowed */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (thrown) {
    throw writeError(path, thrown);
  }
}

/** Reads a whole file. @param what names the file in messages. @throws UserError if it is missing or can't be read */
export function readFileOrExplain(path: string, what: string): Buffer {
  try {
    const file = openSync(path, 'r');
    try {
      const { size } = fstatSync(file);
      return size > PIECE ? readInPieces(file, size) : readFileSync(file);
    } finally {
      closeSync(file);
    }
  } catch (thrown) {
    const reason = codeOf(thrown) === 'ENOENT' ? 'no such file' : messageOf(thrown);
    throw new UserError(`${path}: expected ${what}, found: ${reason}`);
  }
}

function readInPieces(file: number, size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  let end = 0;
  for (let read = 1; read > 0; end += read)
    read = readSync(file, bytes, end, Math.min(PIECE, bytes.length - end), null);
  return bytes.subarray(0, end);
}

/** Removes a file if possible. A failure is ignored, so that it doesn't hide the error before it. */
function discard(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // the file stays
  }
}

function syncFolder(path: string): void {
  if (process.platform === 'win32') return; // Windows can't open a folder
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** What a failed write to `path` means to the user, or the error itself. */
export function writeError(path: string, thrown: unknown): unknown {
  switch (codeOf(thrown)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new UserError(`${path}: the disk is full; free some space and run the command again`);
    case 'EFBIG':
      return new UserError(
        `${path}: the file is larger than the system allows (ulimit -f); raise the limit and run the command again`,
      );
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new UserError(`${path}: no permission to write there; choose another folder or change its permissions`);
    case 'EISDIR':
      return new UserError(`${path}: expected the name of a file to write, found a folder; choose another name`);
    case 'ENOENT':
    case 'ENOTDIR':
    case 'EEXIST':
      return new UserError(`${path}: can't be written there (${messageOf(thrown)}); choose another folder`);
    default:
      return thrown;
  }
}
