import { type Dirent, readdirSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf, messageOf, UserError } from '../../base/errors.js';
import { fileKind, isSystemName } from './file-kinds.js';

/** Everything in a folder, as paths in it, sorted by name. */
export interface FolderContent {
  readonly files: readonly string[];
  readonly folders: readonly string[];
  /** Files and folders that systems create; they are never meant as data. */
  readonly systemFiles: number;
}

/** Lists a folder and all folders inside it. Links are followed, but never in a circle. @throws UserError */
export function walk(root: string): FolderContent {
  const files: string[] = [];
  const folders: string[] = [];
  let systemFiles = 0;
  const visit = (folder: string, above: ReadonlySet<string>): void => {
    for (const entry of entriesOf(join(root, folder))) {
      const path = join(folder, entry.name);
      if (isSystemName(entry.name)) {
        systemFiles++;
        continue;
      }
      // Images are identified by name: a folder with such a name is reported when images are checked.
      if (fileKind(entry.name) === 'image' || !isFolder(root, path, entry)) {
        files.push(path);
        continue;
      }
      folders.push(path);
      const target = realPath(join(root, path));
      if (!above.has(target)) visit(path, new Set([...above, target]));
    }
  };
  visit('', new Set([realPath(root)]));
  return { files, folders, systemFiles };
}

function realPath(folder: string): string {
  try {
    return realpathSync(folder);
  } catch (thrown) {
    // Node.js replaces bytes that aren't UTF-8, and then can't open the folder under this name.
    if (folder.includes('\ufffd')) {
      throw new UserError(`${folder}: expected a name in UTF-8, found other bytes; rename the folder`);
    }
    throw new UserError(`${folder}: expected a folder, found: ${messageOf(thrown)}`);
  }
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (thrown) {
    throw new UserError(`${folder}: expected a folder, found: ${messageOf(thrown)}`);
  }
}

function isFolder(root: string, path: string, entry: Dirent): boolean {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  try {
    return statSync(join(root, path)).isDirectory();
  } catch (thrown) {
    if (codeOf(thrown) === 'ENOENT') return false; // a broken link
    throw new UserError(`${join(root, path)}: expected a folder of images, found: ${messageOf(thrown)}`);
  }
}
