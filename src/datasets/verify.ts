import { messageOf, UserError } from '../base/errors.js';
import { type CatalogEntry, ROLES } from './catalog.js';
import type { Place } from './places.js';
import { readUnpacked, sha256 } from './unpack.js';

export interface FileCheck {
  readonly path: string;
  /** Why the file is not what the catalogue says; absent where it is. */
  readonly fault?: string;
}

/** Compares the SHA-256 of each file's unpacked content with the catalogue's. */
export async function verifyPlace(entry: CatalogEntry, place: Place): Promise<FileCheck[]> {
  const checks: FileCheck[] = [];
  for (const role of ROLES) {
    const path = place.files[role];
    const fault = await faultOf(path, entry.files[role]);
    checks.push(fault === undefined ? { path } : { path, fault });
  }
  return checks;
}

/** Why a file is not what the catalogue says, in one line; nothing where it is. */
export async function faultOf(path: string, expected: { bytes: number; sha256: string }): Promise<string | undefined> {
  try {
    const found = sha256(await readUnpacked(path, expected.bytes));
    if (found === expected.sha256) return undefined;
    return `${path}: expected content with SHA-256 ${expected.sha256}, found ${found}; replace the file`;
  } catch (thrown) {
    if (thrown instanceof UserError) return messageOf(thrown);
    throw thrown;
  }
}
