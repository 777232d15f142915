import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { UserError } from '../base/errors.js';
import { makeFolder, writeFileAtomic } from '../base/files.js';

/**
 * Writes a model repository's files into a folder, and replaces those of an earlier export of the same model.
 *
 * @throws UserError if the folder can't be written, or holds anything else
 */
export function writeRepository(folder: string, files: ReadonlyMap<string, Uint8Array>): void {
  const target = resolve(folder);
  const entries = existsSync(target) ? readdirSync(target, { recursive: true, withFileTypes: true }) : [];
  const foreign = entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(target, join(entry.parentPath, entry.name)).replaceAll(sep, '/'))
    .find((path) => !files.has(path));
  if (foreign) {
    throw new UserError(
      `${folder}: expected an empty folder or an earlier export of this model, found ${foreign}; choose another folder`,
    );
  }
  for (const [path, bytes] of files) {
    makeFolder(dirname(join(target, path)));
    writeFileAtomic(join(target, path), bytes);
  }
}
