import { randomBytes } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { UserError } from '../base/errors.js';
import { makeFolder, writeFileAtomic } from '../base/files.js';
import { sha256 } from '../base/hash.js';
import {
  BUNDLE_FORMAT,
  FILES_FILE,
  MANIFEST_FILE,
  type Manifest,
  type ManifestDraft,
  pageManifest,
  printFileList,
  versionOf,
} from './manifest.js';
import { readManifest } from './read-bundle.js';

/** A bundle before it is written: its files by path, and the fields of the manifest that don't depend on them. */
export interface BundleDraft {
  readonly manifest: ManifestDraft;
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/**
 * Writes a bundle to `folder`, either completely or not at all: files are written to a temporary folder beside it, which is
 * renamed at the end. An older bundle in `folder` is replaced at that moment.
 *
 * @param check examines the finished bundle in its temporary folder; if it throws, nothing is written and an older bundle
 *   stays.
 * @throws UserError if the folder can't be written, or holds anything that isn't part of a bundle
 */
export async function writeBundle(
  folder: string,
  draft: BundleDraft,
  check: (folder: string) => Promise<void> = async () => {},
): Promise<Manifest> {
  const target = resolve(folder);
  refuseForeign(target);
  const manifest = completeManifest(draft);
  const temporary = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    for (const [path, bytes] of draft.files) {
      makeFolder(dirname(join(temporary, path)));
      writeFileAtomic(join(temporary, path), bytes);
    }
    writeFileAtomic(join(temporary, FILES_FILE), printFileList(manifest.files));
    writeFileAtomic(join(temporary, MANIFEST_FILE), `${JSON.stringify(pageManifest(manifest))}\n`);
    await check(temporary);
    replaceFolder(target, temporary);
  } catch (thrown) {
    rmSync(temporary, { recursive: true, force: true });
    throw thrown;
  }
  return manifest;
}

export function completeManifest({ manifest, files: contents }: BundleDraft): Manifest {
  const listed = [...contents].map(([path, bytes]) => [path, listedFile(bytes)] as const);
  const files: Manifest['files'] = Object.fromEntries(listed.sort());
  files[FILES_FILE] = listedFile(Buffer.from(printFileList(files)));
  const complete = { format: BUNDLE_FORMAT, ...manifest, files } as const;
  return { ...complete, version: versionOf(complete) };
}

const listedFile = (bytes: Uint8Array) => ({ bytes: bytes.length, sha256: sha256(bytes) });

/** Allows an empty folder or an older bundle; refuses a folder with anything else in it. */
function refuseForeign(target: string): void {
  if (!existsSync(target)) return;
  if (!lstatSync(target).isDirectory()) {
    throw new UserError(`${target}: expected a folder for the bundle, found something else; choose another path`);
  }
  const entries = readdirSync(target, { recursive: true, withFileTypes: true });
  const found = entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(target, join(entry.parentPath, entry.name)).replaceAll(sep, '/'));
  if (found.length === 0) return;
  const known = new Set(found.includes(MANIFEST_FILE) ? bundlePathsIn(target) : []);
  const foreign = found.find((path) => !known.has(path));
  if (foreign) {
    throw new UserError(
      `${target}: expected an empty folder or a bundle to replace, found ${foreign}, which belongs to neither; choose another folder or empty this one`,
    );
  }
}

/** The paths of the bundle in `target`; empty if its manifest isn't valid. */
function bundlePathsIn(target: string): string[] {
  try {
    return [MANIFEST_FILE, ...Object.keys(readManifest(target).files)];
  } catch {
    return [];
  }
}

function replaceFolder(target: string, temporary: string): void {
  const old = `${temporary}.old`;
  if (existsSync(target)) renameSync(target, old);
  try {
    renameSync(temporary, target);
  } catch (thrown) {
    if (existsSync(old)) renameSync(old, target);
    throw thrown;
  }
  rmSync(old, { recursive: true, force: true });
}
