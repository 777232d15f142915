import { type Dirent, existsSync, readdirSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import { catalogEntries } from '../catalog.js';
import { cacheFolder, type SearchOptions } from '../locations.js';
import { filesIn, isEntryInUse, isWriterRunning, UNFINISHED } from './in-use.js';

/** Something in the cache that can be removed on its own. */
export interface CacheEntry {
  /** Path in the cache folder: `mnist`, `images/0123abcd.packed`, `features/0123abcd.f32`. */
  readonly name: string;
  /** `files`: something that lcdnn doesn't know, and only removes if everything is. */
  readonly kind: 'data set' | 'model' | 'features' | 'packed images' | 'image checks' | 'files';
  readonly bytes: number;
  /** When it was read or written last. ISO 8601. */
  readonly used: string;
  /** Whether a running process uses it. It isn't removed then. */
  readonly inUse: boolean;
}

/** Folders whose files and folders are entries, and what these are. Data sets are in the cache folder itself. */
const FOLDERS: Readonly<Record<string, (name: string) => CacheEntry['kind']>> = {
  features: () => 'features',
  images: (name) => (name.includes('.packed') ? 'packed images' : 'image checks'),
  models: () => 'model',
};

/** Everything in the cache: downloaded data sets and models, features, packed images, results of image checks. */
export function listCache({ env }: Pick<SearchOptions, 'env'> = {}): { folder: string; entries: CacheEntry[] } {
  const folder = cacheFolder(env);
  return { folder, entries: entriesIn(folder) };
}

/** The entries of a cache folder. What a running process is writing isn't one yet. */
export function entriesIn(folder: string): CacheEntry[] {
  const datasets = new Set(catalogEntries().map(({ name }) => name));
  const top = childrenOf(folder).filter(({ name }) => !(name in FOLDERS));
  return [
    ...top.flatMap(({ name }) => described(folder, name, datasets.has(name) ? 'data set' : 'files')),
    ...Object.entries(FOLDERS).flatMap(([inside, kindOf]) =>
      childrenOf(join(folder, inside)).flatMap(({ name }) => described(folder, `${inside}/${name}`, kindOf(name))),
    ),
  ];
}

/** Bytes that running processes are writing. */
export const unfinishedBytes = (folder: string): number =>
  Object.keys(FOLDERS)
    .flatMap((inside) => childrenOf(join(folder, inside)).map(({ name }) => join(folder, inside, name)))
    .filter((path) => UNFINISHED.test(path) && isWriterRunning(path))
    .reduce((sum, path) => sum + (statSync(path, { throwIfNoEntry: false })?.size ?? 0), 0);

function childrenOf(folder: string): Dirent[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !name.startsWith('.'))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** An entry, or none if another process has removed it meanwhile, or is writing it. */
function described(folder: string, name: string, kind: CacheEntry['kind']): CacheEntry[] {
  const path = join(folder, name);
  if (UNFINISHED.test(name) && isWriterRunning(path)) return [];
  const found = filesOf(path);
  if (found.length === 0) return [];
  const used = Math.max(...found.flatMap(({ atimeMs, mtimeMs }) => [atimeMs, mtimeMs]));
  const bytes = found.reduce((sum, stats) => sum + stats.size, 0);
  return [{ name, kind, bytes, used: new Date(used).toISOString(), inUse: isEntryInUse(folder, name) }];
}

/** Facts about a file, or about all files in a folder. Reading a folder changes its own times, so they don't count. */
const filesOf = (path: string): Stats[] =>
  filesIn(path).flatMap((file) => statSync(file, { throwIfNoEntry: false }) ?? []);
