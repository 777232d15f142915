import { join } from 'node:path';
import { UserError } from '../base/errors.js';
import { type CatalogEntry, ROLES, type Role } from './catalog.js';
import { DownloadError, download } from './download.js';
import { cacheFolder, existingFile, fileNames, findPlace, type Place, placeIn, type WhereToLook } from './places.js';
import { faultOf, verifyPlace } from './verify.js';

/** How far a download is, in bytes. */
export interface Progress {
  readonly file: string;
  readonly received: number;
  readonly total: number;
}

export interface FetchOptions extends WhereToLook {
  /** Download what is there and right, too. */
  readonly force?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

export interface Fetched {
  readonly place: Place;
  /** Paths that were downloaded; none where the data set was there, checked and right. */
  readonly downloaded: readonly string[];
}

/**
 * Sees to it that a data set is here, whole and right: found and verified (see `findPlace`), else downloaded into the
 * subfolder with its name of `dataDir` or of the cache. Files there that are right already are kept.
 *
 * @throws UserError where there is no way to it; the message says which files to put where
 */
export async function fetchDataset(entry: CatalogEntry, options: FetchOptions = {}): Promise<Fetched> {
  const found = options.force ? undefined : await findPlace(entry, options);
  if (found) {
    const fault = (await verifyPlace(entry, found)).find((check) => check.fault !== undefined)?.fault;
    if (fault === undefined) return { place: found, downloaded: [] };
    // What LCDNN_DATA names goes before the cache: a download would not be read.
    if (found.origin === 'LCDNN_DATA') throw new UserError(`${fault} (LCDNN_DATA names this folder)`);
  }
  return downloadDataset(entry, options);
}

async function downloadDataset(entry: CatalogEntry, options: FetchOptions): Promise<Fetched> {
  if (entry.sources.length === 0) {
    throw new UserError(`${entry.name} comes with lcdnn and can't be downloaded; leave --data-dir and --force out`);
  }
  const folder = join(options.dataDir ?? cacheFolder(options.env), entry.name);
  const downloaded: string[] = [];
  for (const role of ROLES) {
    if (!options.force && (await hasFile(folder, entry, role))) continue;
    downloaded.push(await downloadFile(entry, role, folder, options));
  }
  const place = placeIn(folder, entry, options.dataDir === undefined ? 'cache' : '--data-dir');
  if (!place) throw new Error(`${folder}: files of ${entry.name} vanished after their download`);
  return { place, downloaded };
}

async function hasFile(folder: string, entry: CatalogEntry, role: Role): Promise<boolean> {
  const file = entry.files[role];
  const path = existingFile(folder, file.name);
  return path !== undefined && (await faultOf(path, file)) === undefined;
}

async function downloadFile(entry: CatalogEntry, role: Role, folder: string, options: FetchOptions): Promise<string> {
  const { name, gzip } = entry.files[role];
  if (!gzip) throw new Error(`${entry.name}: the catalogue lacks the gzip of ${name}`);
  const file = `${name}.gz`;
  const path = join(folder, file);
  const { signal, onProgress } = options;
  try {
    await download({
      urls: entry.sources.map((source) => source + file),
      path,
      ...gzip,
      signal,
      onProgress: (received) => onProgress?.({ file, received, total: gzip.bytes }),
    });
    return path;
  } catch (thrown) {
    if (!(thrown instanceof DownloadError)) throw thrown;
    throw new UserError(
      `${entry.name} is not here and could not be downloaded; put ${fileNames(entry)} into ${folder}, ` +
        `or name their folder with --data-dir or LCDNN_DATA (${thrown.message})`,
    );
  }
}
