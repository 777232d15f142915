import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { codeOf, UserError } from '../../base/errors.js';
import { makeFolder } from '../../base/files.js';
import { isWriterRunning, UNFINISHED, unfinishedName } from '../cache/in-use.js';
import { makeRoom } from '../cache/make-room.js';
import type { FileStamp } from './image-check-cache.js';

/** A file of image records that is being written. */
export interface Packing {
  readonly path: string;
  write(record: number, bytes: Uint8Array): Promise<void>;
  /** Gives the file its final name. */
  finish(): Promise<void>;
  /** Removes the unfinished file. */
  discard(): Promise<void>;
}

const ADVICE = 'leave out what stores decoded images: --cache, --views or engine pytorch';

/** Path of the packed images of these files; depends on everything that affects the content. */
export function packedPath(
  cache: string,
  folder: string,
  side: number,
  stamps: readonly (FileStamp | undefined)[],
): string {
  const hash = createHash('sha256').update(JSON.stringify([1, folder, side]));
  for (const file of stamps) hash.update(JSON.stringify(file ?? null));
  return join(cache, `${hash.digest('hex').slice(0, 32)}.packed`);
}

/** Whether the packed images are complete: the file only gets its name at the end. */
export async function isPacked(path: string, bytes: number): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.size === bytes;
}

/**
 * Begins a file of `count` records of `size` bytes. Several processes may write the same content: each writes its own
 * file, and the last one to finish gives it the name.
 *
 * @throws UserError if the folder can't be written or is full
 */
export async function startPacking(cache: string, path: string, count: number, size: number): Promise<Packing> {
  makeFolder(cache);
  await removeAbandoned(cache);
  makeRoom(dirname(cache), count * size, 'decoded images', ADVICE);
  const temporary = unfinishedName(path, 'tmp');
  const file = await open(temporary, 'w');
  const onDisk = async <T>(work: Promise<T>): Promise<T> =>
    work.catch((thrown) => {
      if (codeOf(thrown) !== 'ENOSPC') throw thrown;
      throw new UserError(`${cache}: the disk is full; free some space, or ${ADVICE}`);
    });
  return {
    path,
    write: (record, bytes) => onDisk(writeAll(file, bytes, record * size)),
    async finish() {
      await onDisk(file.truncate(count * size)); // the last images may be broken, without a record
      await onDisk(file.sync());
      await file.close();
      await rename(temporary, path);
    },
    async discard() {
      await file.close();
      await rm(temporary, { force: true });
    },
  };
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, at, bytes.length - at, position + at);
    at += bytesWritten;
  }
}

/** Removes what crashed processes have left behind. */
async function removeAbandoned(cache: string): Promise<void> {
  for (const name of readdirSync(cache)) {
    const path = join(cache, name);
    if (name.endsWith('.tmp') && UNFINISHED.test(name) && !isWriterRunning(path)) await rm(path, { force: true });
  }
}
