import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf, messageOf, UserError } from '../../base/errors.js';
import type { Progress } from '../fetch.js';
import { readSquare } from '../image.js';
import { type FileStamp, openImageCheckCache } from './image-check-cache.js';
import { isPacked, type Packing, packedPath, startPacking } from './pack-images.js';

export interface CheckOptions {
  /** Side of the squares that images are decoded to. */
  readonly side: number;
  /** Where checks and packed images are kept. */
  readonly cache: string;
  /** Write all images, decoded, to one file. */
  readonly pack?: boolean;
  /** Stop at the first image that can't be used. */
  readonly strict?: boolean;
  readonly onProgress?: (progress: Progress) => void;
}

export interface CheckedImages {
  /** Why the image at a place can't be used; only those that can't. */
  readonly faults: ReadonlyMap<number, string>;
  /** The file of packed images, a record for each place, if that was asked for. */
  readonly packed?: string;
}

/** Images in work at once; sharp decodes in a pool of threads of its own. */
const IN_FLIGHT = 8;

/**
 * Decodes every image once, so that training never meets a broken one, and remembers the checks: the next time only
 * files that changed (size, time of modification) are decoded. The same pass writes the packed images.
 *
 * @param files paths in `folder`
 * @throws UserError with `strict`, for the first image that can't be used
 */
export async function checkImages(
  folder: string,
  files: readonly string[],
  { side, cache, pack = false, strict = false, onProgress }: CheckOptions,
): Promise<CheckedImages> {
  const checks = openImageCheckCache(folder, cache);
  const faults = new Map<number, string>();
  const fault = (place: number, reason: string): void => {
    if (strict) throw new UserError(`${join(folder, files[place])}: ${reason}; without --strict it is skipped`);
    faults.set(place, reason);
  };
  const stamps = new Array<FileStamp | undefined>(files.length);
  await eachOf(files.length, async (place) => {
    const found = await look(folder, files[place]);
    if (typeof found === 'string') fault(place, found);
    else stamps[place] = found;
  });
  const packed = pack ? packedPath(cache, folder, side, stamps) : undefined;
  const size = side * side * 3;
  const isWritten = packed === undefined || (await isPacked(packed, files.length * size));
  const packing = isWritten ? undefined : await startPacking(cache, packed, files.length, size);
  let done = 0;
  const check = async (place: number): Promise<void> => {
    const file = stamps[place];
    if (file) {
      const known = checks.of(file);
      const isNeeded = known === undefined || (known === null && packing !== undefined);
      const reason = isNeeded ? await decode(join(folder, file.file), side, place, packing) : known;
      if (known === undefined) checks.remember(file, reason);
      if (reason !== null) fault(place, reason);
    }
    onProgress?.({ file: folder, received: ++done, total: files.length, unit: 'images' });
  };
  try {
    await eachOf(files.length, check);
    await packing?.finish();
  } catch (thrown) {
    await packing?.discard();
    throw thrown;
  } finally {
    checks.save();
  }
  return { faults, packed };
}

/** Why an image can't be used, if it can't: decodes it, and packs it where that is asked for. */
async function decode(
  path: string,
  side: number,
  record: number,
  packing: Packing | undefined,
): Promise<string | null> {
  let bytes: Uint8Array;
  try {
    bytes = await readSquare(path, side);
  } catch (thrown) {
    if (!(thrown instanceof UserError)) throw thrown;
    return messageOf(thrown).replace(`${path}: `, '');
  }
  await packing?.write(record, bytes);
  return null;
}

/** Size and time of a file, or why it is none: a name may be of a folder, a pipe, or a link that leads nowhere. */
async function look(folder: string, file: string): Promise<FileStamp | string> {
  try {
    const found = await stat(join(folder, file));
    if (!found.isFile()) return 'expected a file, found something else';
    return { file, bytes: found.size, modified: found.mtimeMs };
  } catch (thrown) {
    const code = codeOf(thrown);
    if (code === 'ENOENT') return 'no such file';
    return code === 'ELOOP' ? 'a link that leads in a circle' : messageOf(thrown);
  }
}

/** Works on 0 to count - 1, a few at a time. */
async function eachOf(count: number, work: (place: number) => Promise<void>): Promise<void> {
  let next = 0;
  let failed = false;
  const worker = async (): Promise<void> => {
    while (next < count && !failed) {
      try {
        await work(next++);
      } catch (thrown) {
        failed = true;
        throw thrown;
      }
    }
  };
  const results = await Promise.allSettled(Array.from({ length: IN_FLIGHT }, worker));
  const failure = results.find((result) => result.status === 'rejected');
  if (failure) throw failure.reason;
}
