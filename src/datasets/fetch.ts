import { join } from 'node:path';
import { UserError } from '../base/errors.js';
import { makeFolder } from '../base/files.js';
import { useEntry } from './cache/in-use.js';
import { makeRoom } from './cache/make-room.js';
import { DownloadError, download } from './download.js';
import { existingFile, type Location, type SourceFile } from './formats/format.js';
import { type CatalogEntry, formatOf } from './formats/index.js';
import { cacheFolder, findDataset, locationIn, type SearchOptions } from './locations.js';
import { fileFault, verifyFiles } from './verify.js';

/** Progress of a download, in bytes, or of the check of a folder, in images. */
export interface Progress {
  readonly file: string;
  readonly received: number;
  readonly total: number;
  readonly unit?: 'images';
}

export interface FetchOptions extends SearchOptions {
  /** Download files again that are already there and correct. */
  readonly force?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

export interface Fetched {
  readonly location: Location;
  /** Paths that were downloaded; empty if the data set was already there and correct. */
  readonly downloaded: readonly string[];
}

/**
 * Makes sure that a data set is complete and correct on this machine: finds and verifies it (see `findDataset`), or
 * downloads it into the subfolder with its name of `dataDir` or of the cache. Correct files are kept.
 *
 * @throws UserError if that isn't possible; the message says which files to put where
 */
export async function fetchDataset(entry: CatalogEntry, options: FetchOptions = {}): Promise<Fetched> {
  const location = options.force ? undefined : await findDataset(entry, options);
  if (location) {
    const fault = (await verifyFiles(entry, location)).find((check) => check.fault !== undefined)?.fault;
    if (fault === undefined) return { location, downloaded: [] };
    // LCDNN_DATA comes before the cache: a download would never be read.
    if (location.origin === 'LCDNN_DATA') throw new UserError(`${fault} (LCDNN_DATA names this folder)`);
  }
  return downloadDataset(entry, options);
}

async function downloadDataset(entry: CatalogEntry, options: FetchOptions): Promise<Fetched> {
  if (entry.sources.length === 0) {
    throw new UserError(`${entry.name} comes with lcdnn and can't be downloaded; omit --data-dir and --force`);
  }
  const cache = cacheFolder(options.env);
  const folder = join(options.dataDir ?? cache, entry.name);
  const needed = await neededFiles(entry, folder, options.force);
  const release = options.dataDir === undefined ? makeRoomFor(entry, cache, needed) : () => {};
  const downloaded: string[] = [];
  try {
    for (const file of needed) downloaded.push(await downloadFile(entry, file, folder, options));
  } finally {
    release();
  }
  const location = locationIn(folder, entry, options.dataDir === undefined ? 'cache' : '--data-dir');
  if (!location) throw new Error(`${folder}: files of ${entry.name} vanished after their download`);
  return { location, downloaded };
}

/** Makes room for the files in the cache, where the files that are there stay. @returns a function that ends the use */
function makeRoomFor({ name }: CatalogEntry, cache: string, needed: readonly SourceFile[]): () => void {
  makeFolder(cache);
  const release = useEntry(cache, name);
  const bytes = needed.reduce((sum, file) => sum + file.bytes, 0);
  makeRoom(cache, bytes, name, 'name another folder with --data-dir');
  return release;
}

/** The downloads that are needed: each archive, and each file that is missing or wrong. */
async function neededFiles(entry: CatalogEntry, folder: string, force = false): Promise<SourceFile[]> {
  const needed: SourceFile[] = [];
  for (const file of formatOf(entry).downloads(entry)) {
    const path = file.unpacked && existingFile(folder, file.unpacked.name);
    const isCorrect = file.unpacked && path !== undefined && (await fileFault(path, file.unpacked)) === undefined;
    if (force || !isCorrect) needed.push(file);
  }
  return needed;
}

async function downloadFile(
  entry: CatalogEntry,
  { name: file, bytes, sha256 }: SourceFile,
  folder: string,
  { signal, onProgress }: FetchOptions,
): Promise<string> {
  const path = join(folder, file);
  try {
    await download({
      urls: entry.sources.map((source) => source + file),
      path,
      bytes,
      sha256,
      signal,
      onProgress: (received) => onProgress?.({ file, received, total: bytes }),
    });
    return path;
  } catch (thrown) {
    if (!(thrown instanceof DownloadError)) throw thrown;
    throw new UserError(
      `${entry.name} is not here and could not be downloaded; put ${formatOf(entry).fileNames(entry)} into ${folder}, ` +
        `or name their folder with --data-dir or LCDNN_DATA (${thrown.message})`,
    );
  }
}
