import { statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { UserError } from '../base/errors.js';
import { readFileOrExplain } from '../base/files.js';
import { refuseNewerFormat } from '../base/format-version.js';
import { sha256 } from '../base/hash.js';
import { checkValue, parseJson, readJson } from '../base/json.js';
import { entryPointsOf } from './entry-points.js';
import {
  BUNDLE_FILES,
  BUNDLE_FORMAT,
  FILES_FILE,
  fileListSchema,
  MANIFEST_FILE,
  type Manifest,
  manifestSchema,
  versionOf,
} from './manifest.js';

/** A bundle in memory. `files` holds every file listed in the manifest, by its path in the bundle. */
export interface Bundle {
  readonly manifest: Manifest;
  readonly files: ReadonlyMap<string, Buffer>;
}

/**
 * Reads a bundle and checks it: the manifest is valid, and every file in it has the listed size and SHA-256.
 *
 * @throws UserError naming the first file or field that is wrong
 */
export function readBundle(folder: string): Bundle {
  const manifest = readManifest(folder);
  const files = new Map<string, Buffer>();
  for (const [path, expected] of Object.entries(manifest.files)) {
    files.set(path, readListedFile(join(folder, path), expected));
  }
  return { manifest, files };
}

/** Reads a file and compares it with its entry in the manifest. @throws UserError if its size or hash differs */
function readListedFile(where: string, expected: Manifest['files'][string]): Buffer {
  // The size is checked first: a file that grew is refused before it is read.
  const size = statSync(where, { throwIfNoEntry: false })?.size ?? expected.bytes;
  if (size !== expected.bytes) throw changed(where, `${expected.bytes} bytes`, `${size}`);
  const bytes = readFileOrExplain(where, 'a file of the bundle');
  const found = sha256(bytes);
  if (found !== expected.sha256) throw changed(where, `sha256 ${brief(expected.sha256)}`, brief(found));
  return bytes;
}

/**
 * Reads the manifest and the list of further files, and checks them, but not the files themselves.
 *
 * @throws UserError if it isn't a valid manifest
 */
export function readManifest(folder: string): Manifest {
  const where = join(folder, MANIFEST_FILE);
  const what = 'the manifest of a bundle (made by "lcdnn export")';
  const written = readJson(where, z.unknown(), what, 'export it again');
  refuseNewerFormat(written, BUNDLE_FORMAT, where, what);
  const stored = checkValue(written, manifestSchema, where, what, 'export it again');
  const manifest = { ...stored, files: { ...readFileList(folder, stored), ...stored.files } };
  // Bundles of earlier versions have no relaxed SIMD build, and their loader doesn't look for one.
  const { relaxedSimd: _, ...always } = BUNDLE_FILES;
  const parts = entryPointsOf(manifest).flatMap(({ files }) => files);
  const needed = [...Object.values(always), ...parts];
  const missing = needed.find((path) => !Object.hasOwn(manifest.files, path));
  if (missing)
    throw new UserError(`${where}: expected ${missing} among its files, but it is missing; export the bundle again`);
  const version = versionOf(manifest);
  if (version !== manifest.version) throw changed(where, `version ${manifest.version}`, version);
  return manifest;
}

/** The files that `manifest.json` doesn't list. Bundles of format 1 have no such list. */
function readFileList(folder: string, { files }: Manifest): Manifest['files'] {
  const expected = files[FILES_FILE];
  if (!expected) return {};
  const where = join(folder, FILES_FILE);
  const text = readListedFile(where, expected).toString('utf8');
  return parseJson(text, fileListSchema, where, 'the list of files of a bundle', 'export it again');
}

function changed(where: string, expected: string, found: string): UserError {
  return new UserError(
    `${where}: expected ${expected}, found ${found}; the bundle was changed or damaged, export it again`,
  );
}

function brief(hash: string): string {
  return `${hash.slice(0, 12)}...`;
}
