import { messageOf, UserError } from '../base/errors.js';
import { readTarGz } from './archive.js';
import { type CatalogEntry, entryFiles, type FileFacts } from './catalog.js';
import type { Place } from './locations.js';
import { readUnpacked, sha256 } from './unpack.js';

export interface FileCheck {
  readonly path: string;
  /** Why the file is not what the catalogue says; absent where it is. */
  readonly fault?: string;
}

/** Compares the SHA-256 of each file's unpacked content with the catalogue's. */
export async function verifyPlace(entry: CatalogEntry, place: Place): Promise<FileCheck[]> {
  if (place.archive !== undefined) return verifyArchive(entry, place.archive);
  const checks: FileCheck[] = [];
  for (const file of entryFiles(entry)) {
    const path = place.files[file.name];
    const fault = await faultOf(path, file);
    checks.push(fault === undefined ? { path } : { path, fault });
  }
  return checks;
}

async function verifyArchive(entry: CatalogEntry, archive: string): Promise<FileCheck[]> {
  const files = new Map(entryFiles(entry).map((file) => [file.name, file]));
  const checks: FileCheck[] = [];
  try {
    for await (const { name, content } of readTarGz(archive, [...files.values()])) {
      const path = `${archive}: ${name}`;
      const fault = checksumFault(path, content, files.get(name) as FileFacts);
      checks.push(fault === undefined ? { path } : { path, fault });
    }
  } catch (thrown) {
    if (!(thrown instanceof UserError)) throw thrown;
    checks.push({ path: archive, fault: messageOf(thrown) });
  }
  return checks;
}

/** Why a file is not what the catalogue says, in one line; nothing where it is. */
export async function faultOf(path: string, expected: { bytes: number; sha256: string }): Promise<string | undefined> {
  try {
    return checksumFault(path, await readUnpacked(path, expected.bytes), expected);
  } catch (thrown) {
    if (thrown instanceof UserError) return messageOf(thrown);
    throw thrown;
  }
}

/** Why a content is not what the catalogue says, in one line; nothing where it is. */
export function checksumFault(path: string, content: Uint8Array, expected: { sha256: string }): string | undefined {
  const found = sha256(content);
  if (found === expected.sha256) return undefined;
  return `${path}: expected content with SHA-256 ${expected.sha256}, found ${found}; replace the file`;
}
