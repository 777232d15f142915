import { messageOf, UserError } from '../base/errors.js';
import { readTarGz } from './archive.js';
import type { Location } from './formats/format.js';
import { type CatalogEntry, formatOf } from './formats/index.js';
import { checksumFault, readUnpacked } from './unpack.js';

export interface FileCheck {
  readonly path: string;
  /** How the file differs from the catalogue; absent if it doesn't. */
  readonly fault?: string;
}

/** Compares the SHA-256 of each file's unpacked content with the catalogue's. */
export async function verifyFiles(entry: CatalogEntry, location: Location): Promise<FileCheck[]> {
  if (location.archive !== undefined) return verifyArchive(entry, location.archive);
  if (location.classFolders) return [await verifyImages(entry, location)];
  const checks: FileCheck[] = [];
  for (const file of formatOf(entry).files(entry)) {
    const path = location.files[file.name];
    const fault = await fileFault(path, file);
    checks.push(fault === undefined ? { path } : { path, fault });
  }
  return checks;
}

async function verifyImages(entry: CatalogEntry, location: Location): Promise<FileCheck> {
  const path = location.folder;
  try {
    await formatOf(entry).read(entry, location);
    return { path };
  } catch (thrown) {
    if (thrown instanceof UserError) return { path, fault: messageOf(thrown) };
    throw thrown;
  }
}

async function verifyArchive(entry: CatalogEntry, archive: string): Promise<FileCheck[]> {
  const files = new Map(
    formatOf(entry)
      .files(entry)
      .map((file) => [file.name, file]),
  );
  const checks: FileCheck[] = [];
  try {
    for await (const { name, content } of readTarGz(archive, [...files.values()])) {
      const path = `${archive}: ${name}`;
      const file = files.get(name);
      const fault = file && checksumFault(path, content, file);
      checks.push(fault === undefined ? { path } : { path, fault });
    }
  } catch (thrown) {
    if (!(thrown instanceof UserError)) throw thrown;
    checks.push({ path: archive, fault: messageOf(thrown) });
  }
  return checks;
}

/** How a file differs from the catalogue, in one line; nothing if it doesn't. */
export async function fileFault(
  path: string,
  expected: { bytes: number; sha256: string },
): Promise<string | undefined> {
  try {
    return checksumFault(path, await readUnpacked(path, expected.bytes), expected);
  } catch (thrown) {
    if (thrown instanceof UserError) return messageOf(thrown);
    throw thrown;
  }
}
