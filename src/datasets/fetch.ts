import { join } from 'node:path';
import { UserError } from '../base/errors.js';
import { type CatalogEntry, ROLES } from './catalog.js';
import { DownloadError, download } from './download.js';
import { cacheFolder, existingFile, fileNames, findPlace, type Place, placeIn, type WhereToLook } from './locations.js';
import { faultOf, verifyPlace } from './verify.js';

/** How far a download is, in bytes, or the check of a folder, in images. */
export interface Progress {
  readonly file: string;
  readonly received: number;
  readonly total: number;
  readonly unit?: 'images';
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
  for (const file of await missingFiles(entry, folder, options.force)) {
    downloaded.push(await downloadFile(entry, file, folder, options));
  }
  const place = placeIn(folder, entry, options.dataDir === undefined ? 'cache' : '--data-dir');
  if (!place) throw new Error(`${folder}: files of ${entry.name} vanished after their download`);
  return { place, downloaded };
}

/** A file as the sources have it. */
interface SourceFile {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** What is to be downloaded: an archive as it is; of single files those that are not there and right. */
async function missingFiles(entry: CatalogEntry, folder: string, force = false): Promise<SourceFile[]> {
  if (entry.format === 'cifar') return [entry.archive];
  const missing: SourceFile[] = [];
  for (const role of ROLES) {
    const { gzip, ...file } = entry.files[role];
    if (!gzip) throw new Error(`${entry.name}: the catalogue lacks the gzip of ${file.name}`);
    const path = existingFile(folder, file.name);
    const right = path !== undefined && (await faultOf(path, file)) === undefined;
    if (force || !right) missing.push({ name: `${file.name}.gz`, ...gzip });
  }
  return missing;
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
      `${entry.name} is not here and could not be downloaded; put ${fileNames(entry)} into ${folder}, ` +
        `or name their folder with --data-dir or LCDNN_DATA (${thrown.message})`,
    );
  }
}
