import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { codeOf, messageOf, UserError } from '../../base/errors.js';
import { makeFolder } from '../../base/files.js';
import { useEntry } from '../cache/in-use.js';
import type { Progress } from '../fetch.js';
import { decodeSquare, imageSize, readImageFile, UnreadableFile } from '../image.js';
import { encodeFingerprint, fingerprint } from '../near-copies/fingerprint.js';
import { type FileStamp, type ImageCheck, type ImageCheckCache, openImageCheckCache } from './image-check-cache.js';
import { isPacked, type Packing, packedPath, startPacking } from './pack-images.js';

export interface CheckOptions {
  /** Side of the squares that images are decoded to. */
  readonly side: number;
  /** Folder for checks and packed images. */
  readonly cache: string;
  /** Write all images, decoded, to one file. */
  readonly pack?: boolean;
  /** Stop at the first image that can't be used. */
  readonly strict?: boolean;
  readonly onProgress?: (progress: Progress) => void;
}

export interface CheckedImages {
  /** Reasons why images can't be used, by index. Images that can be used are not listed. */
  readonly faults: ReadonlyMap<number, string>;
  /** Check results of each content, by index; undefined for a file that can't be read. */
  readonly checks: readonly (ImageCheck | undefined)[];
  /** The file of packed images, with a record for each index, if requested. */
  readonly packed?: string;
}

/** Number of images that are checked concurrently; sharp decodes in its own thread pool. */
const IN_FLIGHT = 8;

/** Number of digits of a content's SHA-256 that are kept. */
const HASH_DIGITS = 32;

/**
 * Decodes every image once, so that training never meets a broken one, and caches the result. The next time, only
 * changed files (by size or times) are decoded. The same pass writes the packed images.
 *
 * @param files paths in `folder`
 * @throws UserError with `strict`, for the first image that can't be used
 */
export async function checkImages(
  folder: string,
  files: readonly string[],
  { side, cache, pack = false, strict = false, onProgress }: CheckOptions,
): Promise<CheckedImages> {
  const cached = openImageCheckCache(folder, cache);
  const faults = new Map<number, string>();
  const addFault = (index: number, reason: string): void => {
    if (strict) throw new UserError(`${join(folder, files[index])}: ${reason}; without --strict it is skipped`);
    faults.set(index, reason);
  };
  const stamps = new Array<FileStamp | undefined>(files.length);
  await eachOf(files.length, async (index) => {
    const stamp = await stampOf(folder, files[index]);
    if (typeof stamp === 'string') addFault(index, stamp);
    else stamps[index] = stamp;
  });
  const packed = pack ? packedPath(cache, folder, side, stamps) : undefined;
  const size = side * side * 3;
  // Until the process ends: threads and Python open the file again and again.
  if (packed !== undefined) {
    makeFolder(cache);
    useEntry(dirname(cache), `${basename(cache)}/${basename(packed)}`);
  }
  const isWritten = packed === undefined || (await isPacked(packed, files.length * size));
  const packing = isWritten ? undefined : await startPacking(cache, packed, files.length, size);
  const checks = new Array<ImageCheck | undefined>(files.length);
  let done = 0;
  const check = async (index: number): Promise<void> => {
    const stamp = stamps[index];
    if (stamp) {
      const known = cached.get(stamp);
      const isNeeded = known === undefined || (!('fault' in known) && packing !== undefined);
      const result = isNeeded
        ? await decode(join(folder, stamp.file), side, index, packing, cached.getByContent)
        : known;
      if (typeof result === 'string') {
        addFault(index, result);
      } else {
        if (known === undefined) cached.set(stamp, result);
        checks[index] = result;
        if ('fault' in result) addFault(index, result.fault);
      }
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
    cached.save();
  }
  return { faults, checks, packed };
}

/** Checks a file's content, or says why it can't be read now. Packs the image if requested. */
async function decode(
  path: string,
  side: number,
  record: number,
  packing: Packing | undefined,
  getByContent: ImageCheckCache['getByContent'],
): Promise<ImageCheck | string> {
  let hash = '';
  let pixels: Uint8Array;
  let size: { width: number; height: number };
  try {
    const bytes = await readImageFile(path);
    hash = createHash('sha256').update(bytes).digest('hex').slice(0, HASH_DIGITS);
    const known = packing === undefined ? getByContent(hash) : undefined;
    if (known !== undefined) return known;
    pixels = await decodeSquare(bytes, path, side);
    size = await imageSize(bytes, path);
  } catch (thrown) {
    if (!(thrown instanceof UserError)) throw thrown;
    const reason = messageOf(thrown).replace(`${path}: `, '');
    return thrown instanceof UnreadableFile ? reason : { hash, fault: reason };
  }
  await packing?.write(record, pixels);
  return { hash, ...size, fingerprint: encodeFingerprint(fingerprint(pixels, [side, side, 3])) };
}

/** Size and time of a file, or why it isn't one: the name may belong to a folder, a pipe, or a broken link. */
async function stampOf(folder: string, file: string): Promise<FileStamp | string> {
  try {
    const stats = await stat(join(folder, file));
    if (!stats.isFile()) return 'expected a file, found something else';
    return { file, bytes: stats.size, modified: stats.mtimeMs, changed: stats.ctimeMs, inode: stats.ino };
  } catch (thrown) {
    const code = codeOf(thrown);
    if (code === 'ENOENT') return 'no such file';
    return code === 'ELOOP' ? 'a link that leads in a circle' : messageOf(thrown);
  }
}

/** Runs a task for 0 to count - 1, a few at a time. */
async function eachOf(count: number, work: (index: number) => Promise<void>): Promise<void> {
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
