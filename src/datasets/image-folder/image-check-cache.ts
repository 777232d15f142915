import { createHash } from 'node:crypto';
import { appendFileSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { makeFolder } from '../../base/files.js';
import { touch } from '../cache/in-use.js';
import { MAX_PIXELS } from '../image.js';

/** State of a file when it was checked. */
export interface FileStamp {
  readonly file: string;
  readonly bytes: number;
  readonly modified: number;
  /** Time of the last change of content or name, which copying with its times doesn't keep. */
  readonly changed: number;
  /** Number of the file on its disk: times are too coarse to tell two files apart that were written together. */
  readonly inode: number;
}

/** Check result of a file's content. Only this is cached: a file that can't be read may be readable the next time. */
export type ImageCheck = z.infer<typeof checkSchema>;

const checkSchema = z.union([
  z.strictObject({
    /** The first 32 digits of the content's SHA-256. */
    hash: z.string().length(32),
    width: z.int(),
    height: z.int(),
    /** See `fingerprint`. */
    fingerprint: z.string(),
  }),
  z.strictObject({
    hash: z.string().length(32),
    /** Why the content can't be used as an image. */
    fault: z.string(),
  }),
]);

const lineSchema = z.tuple([z.string(), z.number(), z.number(), z.number(), z.number(), checkSchema]);

/** Results of earlier checks. */
export interface ImageCheckCache {
  /** Undefined if the file is new or has changed. */
  get(stamp: FileStamp): ImageCheck | undefined;
  /** The result for a content with this hash, in whichever file: a fresh checkout has other times and the same content. */
  getByContent(hash: string): ImageCheck | undefined;
  set(stamp: FileStamp, check: ImageCheck): void;
  /** Writes new results. */
  save(): void;
}

/** Lines per write: the most that a crash can lose. */
const LINES = 256;

/** Increase it when a check gives different results for the same file. */
const VERSION = 4;

/**
 * Opens the cache for a folder: a JSON line per check, only ever appended to, so a kill damages at most the last line.
 *
 * @param folder absolute
 */
export function openImageCheckCache(folder: string, cache: string): ImageCheckCache {
  const key = createHash('sha256').update(`${VERSION} ${MAX_PIXELS} ${folder}`).digest('hex').slice(0, 16);
  const path = join(cache, `${key}.jsonl`);
  touch(path);
  const known = readLines(path);
  const byContent = new Map([...known.values()].map((check) => [check.hash, check]));
  let fresh: string[] = [];
  const save = (): void => {
    if (fresh.length === 0) return;
    try {
      makeFolder(dirname(path));
      // The line break first: the lines after a torn one stay whole.
      appendFileSync(path, `\n${fresh.join('\n')}\n`);
    } catch {
      // Without a cache, the next run checks again.
    }
    fresh = [];
  };
  return {
    get: (stamp) => known.get(keyOf(stamp)),
    getByContent: (hash) => byContent.get(hash),
    set(stamp, check) {
      known.set(keyOf(stamp), check);
      fresh.push(JSON.stringify([stamp.file, stamp.bytes, stamp.modified, stamp.changed, stamp.inode, check]));
      if (fresh.length >= LINES) save();
    },
    save,
  };
}

function readLines(path: string): Map<string, ImageCheck> {
  const known = new Map<string, ImageCheck>();
  for (const line of contentOf(path).split('\n')) {
    try {
      const [file, bytes, modified, changed, inode, check] = lineSchema.parse(JSON.parse(line));
      known.set(keyOf({ file, bytes, modified, changed, inode }), check);
    } catch {
      // empty, or cut off by a kill
    }
  }
  return known;
}

function contentOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

const keyOf = ({ file, bytes, modified, changed, inode }: FileStamp): string =>
  `${bytes} ${modified} ${changed} ${inode} ${file}`;
