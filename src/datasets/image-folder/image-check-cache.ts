import { createHash } from 'node:crypto';
import { appendFileSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makeFolder } from '../../base/files.js';
import { MAX_PIXELS } from '../image.js';

/** A file as it was when it was looked at. */
export interface FileStamp {
  readonly file: string;
  readonly bytes: number;
  readonly modified: number;
}

/** What is known of the files of a folder: nothing, or their fault, `null` for none. */
export interface ImageCheckCache {
  of(stamp: FileStamp): string | null | undefined;
  remember(stamp: FileStamp, fault: string | null): void;
  /** Writes what is new. */
  save(): void;
}

/** Lines written at once: what a kill may cost. */
const LINES = 256;

/**
 * ImageCheckCache of earlier runs, a JSON line each, only ever appended to: no kill can harm more than the last line.
 *
 * @param folder absolute
 */
export function openImageCheckCache(folder: string, cache: string): ImageCheckCache {
  const key = createHash('sha256').update(`1 ${MAX_PIXELS} ${folder}`).digest('hex').slice(0, 16);
  const path = join(cache, `${key}.jsonl`);
  const known = readLines(path);
  let fresh: string[] = [];
  const save = (): void => {
    if (fresh.length === 0) return;
    try {
      makeFolder(dirname(path));
      // The line break first: what follows a torn line stays whole.
      appendFileSync(path, `\n${fresh.join('\n')}\n`);
    } catch {
      // A cache that can't be written costs the next run time, and nothing else.
    }
    fresh = [];
  };
  return {
    of: (stamp) => known.get(keyOf(stamp)),
    remember(stamp, fault) {
      known.set(keyOf(stamp), fault);
      fresh.push(JSON.stringify([stamp.file, stamp.bytes, stamp.modified, fault]));
      if (fresh.length >= LINES) save();
    },
    save,
  };
}

function readLines(path: string): Map<string, string | null> {
  const known = new Map<string, string | null>();
  for (const line of contentOf(path).split('\n')) {
    try {
      const [file, bytes, modified, fault] = JSON.parse(line);
      known.set(keyOf({ file, bytes, modified }), fault);
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

const keyOf = ({ file, bytes, modified }: FileStamp): string => `${bytes} ${modified} ${file}`;
