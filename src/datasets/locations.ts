import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { UserError } from '../base/errors.js';
import { sha256 } from '../base/hash.js';
import { PACKAGE_DATASETS } from './catalog.js';
import type { Location, Origin } from './formats/format.js';
import { type CatalogEntry, formatOf } from './formats/index.js';
import { readUnpacked } from './unpack.js';

/** Which folders are searched for a data set. */
export interface SearchOptions {
  /** The folder that the user named: no other folder is searched then. */
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
 * Finds a data set: in the folder that the user named, or else in LCDNN_DATA, the cache, Debian's package, or the
 * package's own sample. A folder may hold the files directly, or in a subfolder with the data set's name; as they are,
 * as .gz or .xz, or all in the archive that the data set is published as.
 *
 * @returns nothing if no folder has all the files
 */
export async function findDataset(
  entry: CatalogEntry,
  { dataDir, env }: SearchOptions = {},
): Promise<Location | undefined> {
  for (const [origin, root] of searchedFolders(dataDir, env)) {
    const inSubfolder = locationIn(join(root, entry.name), entry, origin);
    if (inSubfolder) return inSubfolder;
    const direct = locationIn(root, entry, origin);
    // Several data sets have files of the same names. A folder that the user named is checked when it is read.
    if (direct && (dataDir !== undefined || (await isOf(entry, direct)))) return direct;
  }
  return undefined;
}

/** The error for a --data-dir that lacks the files. */
export function notInDataDir(entry: CatalogEntry, dataDir: string): UserError {
  return new UserError(
    `${dataDir}: expected the files of ${entry.name} there or in its subfolder ${entry.name}, some files are missing; ` +
      `expected ${formatOf(entry).fileNames(entry)}`,
  );
}

/** The files of a data set in one folder, if all of them are there. */
export function locationIn(folder: string, entry: CatalogEntry, origin: Origin): Location | undefined {
  return formatOf(entry).locate(folder, entry, origin);
}

function searchedFolders(dataDir: string | undefined, env: NodeJS.ProcessEnv = process.env): [Origin, string][] {
  if (dataDir !== undefined) return [['--data-dir', resolve(dataDir)]];
  const named = env['LCDNN_DATA'];
  return [
    ...(named ? ([['LCDNN_DATA', resolve(named)]] satisfies [Origin, string][]) : []),
    ['cache', cacheFolder(env)],
    ['Debian package', '/usr/share/datasets'],
    ['built in', PACKAGE_DATASETS],
  ];
}

/** Whether the files at a location belong to this data set, and not to another one with the same file names. */
async function isOf(entry: CatalogEntry, location: Location): Promise<boolean> {
  const file = formatOf(entry).identifyingFile?.(entry);
  if (!file) return true;
  try {
    return sha256(await readUnpacked(location.files[file.name], file.bytes)) === file.sha256;
  } catch {
    return false; // damaged, or another data set's
  }
}
