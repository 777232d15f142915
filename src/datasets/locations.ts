import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { UserError } from '../base/errors.js';
import { type CatalogEntry, entryFiles, PACKAGE_DATASETS } from './catalog.js';
import { readUnpacked, sha256 } from './unpack.js';

/** A folder that holds all files of a data set, one by one or in its archive. */
export interface Place {
  readonly origin: Origin;
  readonly folder: string;
  /** The path of each file by its name in the catalogue; none where `archive` holds them. */
  readonly files: Readonly<Record<string, string>>;
  readonly archive?: string;
}

export type Origin = '--data-dir' | 'LCDNN_DATA' | 'cache' | 'Debian package' | 'built in';

export interface WhereToLook {
  /** The folder that the user named: nothing else is looked at then. */
  readonly dataDir?: string;
  /** Default: the process's environment. */
  readonly env?: NodeJS.ProcessEnv;
}

/** Where downloads are kept: `$XDG_CACHE_HOME/lcdnn`, or `~/.cache/lcdnn`. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  const base = env['XDG_CACHE_HOME'];
  return join(base && isAbsolute(base) ? base : join(homedir(), '.cache'), 'lcdnn');
}

/**
 * Finds a data set: in the folder the user named, else in LCDNN_DATA, the cache, Debian's package, the package's own
 * sample. Each of these may hold the files in a subfolder with the data set's name, or directly; as they are, as .gz
 * or .xz, or all in the archive that the data set is published as.
 *
 * Nothing is returned where no such folder has all the files.
 */
export async function findPlace(entry: CatalogEntry, { dataDir, env }: WhereToLook = {}): Promise<Place | undefined> {
  for (const [origin, root] of roots(dataDir, env)) {
    const own = placeIn(join(root, entry.name), entry, origin);
    if (own) return own;
    const direct = placeIn(root, entry, origin);
    // Several data sets have files of the same names; a folder that the user named is told apart when it is loaded.
    if (direct && (dataDir !== undefined || (await holdsLabelsOf(entry, direct)))) return direct;
  }
  return undefined;
}

/** The line for a user whose --data-dir has no such files. */
export function notInDataDir(entry: CatalogEntry, dataDir: string): UserError {
  return new UserError(
    `${dataDir}: expected the files of ${entry.name} there or in its subfolder ${entry.name}, found not all of them; ` +
      `expected ${fileNames(entry)}`,
  );
}

/** The names that the files of a data set must have. */
export function fileNames(entry: CatalogEntry): string {
  const files = `${entryFiles(entry)
    .map(({ name }) => name)
    .join(', ')} (each with .gz, .xz or without)`;
  return entry.format === 'cifar' ? `${entry.archive.name}, or ${files}` : files;
}

/** The files of a data set in one folder, if all are there; its archive first, for it is what a download writes. */
export function placeIn(folder: string, entry: CatalogEntry, origin: Origin): Place | undefined {
  if (entry.format === 'cifar') {
    const archive = join(folder, entry.archive.name);
    if (existsSync(archive)) return { origin, folder, files: {}, archive };
  }
  // `tar` unpacks the archive to a folder in the folder.
  const unpacked = entry.format === 'cifar' ? join(folder, entry.archive.folder) : folder;
  return filesIn(folder, entry, origin) ?? filesIn(unpacked, entry, origin);
}

function filesIn(folder: string, entry: CatalogEntry, origin: Origin): Place | undefined {
  const found = entryFiles(entry).map(({ name }) => [name, existingFile(folder, name)] as const);
  if (found.some(([, path]) => path === undefined)) return undefined;
  return { origin, folder, files: Object.fromEntries(found) as Record<string, string> };
}

/** NAME.gz, NAME or NAME.xz in a folder, whichever is there; the first, for it is what a download writes. */
export function existingFile(folder: string, name: string): string | undefined {
  const path = join(folder, name);
  return [`${path}.gz`, path, `${path}.xz`].find((candidate) => existsSync(candidate));
}

function roots(dataDir: string | undefined, env: NodeJS.ProcessEnv = process.env): [Origin, string][] {
  if (dataDir !== undefined) return [['--data-dir', resolve(dataDir)]];
  const named = env['LCDNN_DATA'];
  return [
    ...(named ? ([['LCDNN_DATA', resolve(named)]] satisfies [Origin, string][]) : []),
    ['cache', cacheFolder(env)],
    ['Debian package', '/usr/share/datasets'],
    ['built in', PACKAGE_DATASETS],
  ];
}

async function holdsLabelsOf(entry: CatalogEntry, place: Place): Promise<boolean> {
  if (entry.format === 'cifar') return true; // names of its own
  const { name, bytes, sha256: expected } = entry.files.testLabels;
  try {
    return sha256(await readUnpacked(place.files[name], bytes)) === expected;
  } catch {
    return false; // damaged, or another's
  }
}
