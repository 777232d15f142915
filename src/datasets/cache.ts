import { randomBytes } from 'node:crypto';
import { type Dirent, existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf } from '../base/errors.js';
import { cacheFolder, type SearchOptions } from './locations.js';

/** Something in the cache that can be removed on its own. */
export interface CacheEntry {
  /** Path in the cache folder: `mnist`, `images/0123abcd.packed`. */
  readonly name: string;
  readonly kind: 'files' | 'packed images' | 'image checks';
  readonly bytes: number;
  /** When it was read or written last; the file system may record reads late. ISO 8601. */
  readonly used: string;
}

/** Folder of packed images and of image checks in the cache. */
const IMAGES = 'images';
/** Unfinished files of running processes, and what `clearCache` is removing. */
const TEMPORARY = /\.tmp$/;
const REMOVED = '.removed-';

/** Everything in the cache: downloaded data sets and models, packed images, results of image checks. */
export function listCache(options: Pick<SearchOptions, 'env'> = {}): { folder: string; entries: CacheEntry[] } {
  const folder = cacheFolder(options.env);
  const top = entriesIn(folder).filter(({ name }) => name !== IMAGES);
  const images = entriesIn(join(folder, IMAGES)).filter(({ name }) => !TEMPORARY.test(name));
  return {
    folder,
    entries: [
      ...top.map(({ name }) => described(folder, name, 'files')),
      ...images.map(({ name }) =>
        described(folder, `${IMAGES}/${name}`, name.endsWith('.packed') ? 'packed images' : 'image checks'),
      ),
    ],
  };
}

/**
 * Removes entries until the rest takes at most `maxBytes`: those that were used longest ago first. Each entry disappears
 * at once, so other processes see it whole or not at all; they make it again when they need it.
 *
 * @returns the removed entries
 */
export function clearCache(options: Pick<SearchOptions, 'env'> & { readonly maxBytes?: number } = {}): CacheEntry[] {
  const { folder, entries } = listCache(options);
  removeLeftovers(folder);
  let total = entries.reduce((sum, { bytes }) => sum + bytes, 0);
  const oldest = [...entries].sort((a, b) => (a.used < b.used ? -1 : 1));
  return oldest.filter((entry) => {
    if (total <= (options.maxBytes ?? 0) && options.maxBytes !== undefined) return false;
    total -= entry.bytes;
    return remove(folder, entry.name);
  });
}

function remove(folder: string, name: string): boolean {
  const removed = join(folder, `${REMOVED}${randomBytes(6).toString('hex')}`);
  try {
    renameSync(join(folder, name), removed);
  } catch (thrown) {
    if (codeOf(thrown) === 'ENOENT') return false; // another process was faster
    throw thrown;
  }
  rmSync(removed, { recursive: true, force: true });
  return true;
}

/** Removes what a killed `clearCache` has renamed but not removed. */
function removeLeftovers(folder: string): void {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    if (name.startsWith(REMOVED)) rmSync(join(folder, name), { recursive: true, force: true });
  }
}

function entriesIn(folder: string): Dirent[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !name.startsWith(REMOVED))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function described(folder: string, name: string, kind: CacheEntry['kind']): CacheEntry {
  const path = join(folder, name);
  const files = statSync(path).isDirectory()
    ? readdirSync(path, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => statSync(join(entry.parentPath, entry.name)))
    : [statSync(path)];
  const used = Math.max(0, ...files.flatMap(({ atimeMs, mtimeMs }) => [atimeMs, mtimeMs]));
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  return { name, kind, bytes, used: new Date(used).toISOString() };
}
