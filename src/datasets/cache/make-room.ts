import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, renameSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf, UserError } from '../../base/errors.js';
import { makeFolder } from '../../base/files.js';
import { fileSize, parseBytes } from '../../base/format.js';
import type { SearchOptions } from '../locations.js';
import { type CacheEntry, entriesIn, listCache, unfinishedBytes } from './entries.js';
import { isEntryInUse, whenDone } from './in-use.js';

/** Prefix of what is being removed. */
const REMOVED = '.removed-';
const DEFAULT_LIMIT = 20e9;

/** Most bytes of the whole cache: `LCDNN_CACHE_LIMIT` or 20 GB. @throws UserError if the variable isn't a size */
export function cacheLimit({ LCDNN_CACHE_LIMIT: given }: NodeJS.ProcessEnv = process.env): number {
  if (!given) return DEFAULT_LIMIT;
  const bytes = given === 'none' ? Number.POSITIVE_INFINITY : parseBytes(given);
  if (bytes !== undefined) return bytes;
  throw new UserError(`LCDNN_CACHE_LIMIT: expected a size, as 500MB or 50GB, or "none", found ${given}`);
}

/**
 * Prepares the cache for an entry: removes the least recently used ones until it fits into the limit. Entries that a running
 * process uses stay, so the limit can be exceeded while several work. It holds again when they end.
 *
 * @param folder of the cache
 * @param what the entry is, for messages: `decoded images`
 * @param advice what else the user can do: `leave --cache out`
 * @throws UserError if the entry alone is larger than the limit, or the disk is too full
 */
export function makeRoom(folder: string, needed: number, what: string, advice: string): void {
  const limit = cacheLimit();
  if (needed > limit) {
    throw new UserError(
      `${folder}: expected at most ${fileSize(limit)} in the cache, found ${fileSize(needed)} of ${what}; ` +
        `set LCDNN_CACHE_LIMIT to a larger size, or ${advice}`,
    );
  }
  makeFolder(folder);
  trim(folder, limit - needed);
  whenDone(folder, () => trimQuietly(folder));
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize >= needed) return;
  throw new UserError(
    `${folder}: expected room for ${fileSize(needed)} of ${what}, found ${fileSize(bavail * bsize)}; ` +
      `free some space, set XDG_CACHE_HOME, or ${advice}`,
  );
}

/**
 * Removes entries that no running process uses until the rest takes at most `maxBytes`: those that were used longest ago
 * first. Each entry disappears at once, so other processes see it whole or not at all; they make it again when they need it.
 *
 * @returns the removed entries
 */
export function clearCache(options: Pick<SearchOptions, 'env'> & { readonly maxBytes?: number } = {}): CacheEntry[] {
  const { folder, entries } = listCache(options);
  removeLeftovers(folder);
  return removeOldest(folder, entries, options.maxBytes);
}

function trim(folder: string, maxBytes: number): void {
  const known = entriesIn(folder).filter(({ kind }) => kind !== 'files');
  removeOldest(folder, known, Math.max(0, maxBytes - unfinishedBytes(folder)));
}

/** When the process ends, there is no one to tell. */
function trimQuietly(folder: string): void {
  try {
    trim(folder, cacheLimit());
  } catch {
    // The next command tries again.
  }
}

/** @param maxBytes without it, all are removed */
function removeOldest(folder: string, entries: readonly CacheEntry[], maxBytes?: number): CacheEntry[] {
  let total = entries.reduce((sum, { bytes }) => sum + bytes, 0);
  const oldest = [...entries].sort((a, b) => (a.used < b.used ? -1 : 1));
  return oldest.filter(({ name, bytes }) => {
    if ((maxBytes !== undefined && total <= maxBytes) || !remove(folder, name)) return false;
    total -= bytes;
    return true;
  });
}

/** @returns whether the entry was removed; not if a process uses it, or another was faster */
function remove(folder: string, name: string): boolean {
  if (isEntryInUse(folder, name)) return false;
  const removed = join(folder, `${REMOVED}${randomBytes(6).toString('hex')}`);
  try {
    renameSync(join(folder, name), removed);
    if (isEntryInUse(folder, name)) {
      // A process began to use it meanwhile.
      renameSync(removed, join(folder, name));
      return false;
    }
  } catch (thrown) {
    if (codeOf(thrown) === 'ENOENT') return false;
    if (!existsSync(removed)) throw thrown;
  }
  rmSync(removed, { recursive: true, force: true });
  return true;
}

/** Removes what a killed process has renamed but not removed. */
function removeLeftovers(folder: string): void {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    if (name.startsWith(REMOVED)) rmSync(join(folder, name), { recursive: true, force: true });
  }
}
