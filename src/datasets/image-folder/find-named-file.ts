import { extname, sep } from 'node:path';
import { fileKind, IMAGE_EXTENSIONS } from './file-kinds.js';

/**
 * Finds the files that a table names. Names can be paths with either slash, absolute paths of this or another machine,
 * and names without their extension or folder, or with other capitals.
 *
 * @param files paths in the folder
 * @returns a function that returns the file for a name; undefined if there is no such file or more than one
 */
export function fileFinder(files: readonly string[]): (name: string) => string | undefined {
  const images = files.filter((file) => fileKind(file) === 'image');
  const exact = new Set(files);
  /**
   * By every suffix of a path, "a/b/c.jpg", "b/c.jpg" and "c.jpg", each also without ".jpg": the file, or null for
   * several.
   */
  const byTail = new Map<string, string | null>();
  /** The same in lower case and in one Unicode form, because systems differ in both. */
  const byPlainTail = new Map<string, string | null>();
  const add = (tails: Map<string, string | null>, key: string, file: string): void => {
    tails.set(key, tails.has(key) ? null : file);
  };
  for (const file of images) {
    const parts = file.split(sep);
    for (const i of parts.keys()) {
      const tail = parts.slice(i).join('/');
      for (const key of [tail, tail.slice(0, -extname(tail).length)]) {
        add(byTail, key, file);
        add(byPlainTail, plain(key), file);
      }
    }
  }
  const withEnding = (path: string) =>
    IMAGE_EXTENSIONS.map((ending) => path + ending).filter((file) => exact.has(file));
  return (name) => {
    if (exact.has(name)) return name;
    const path = name.replaceAll('\\', '/').replace(/^\.\//, '');
    const inFolder = path.split('/').join(sep);
    if (exact.has(inFolder)) return inFolder;
    if (path.split('/').includes('..')) return undefined;
    const ended = withEnding(inFolder);
    if (ended.length > 0) return ended.length === 1 ? ended[0] : undefined;
    const parts = path.split('/').filter((part) => part !== '');
    for (const [tails, form] of [
      [byTail, (tail: string) => tail],
      [byPlainTail, plain],
    ] as const) {
      for (const i of parts.keys()) {
        const file = tails.get(form(parts.slice(i).join('/')));
        if (file !== undefined) return file ?? undefined;
      }
    }
    return undefined;
  };
}

const plain = (path: string): string => path.normalize('NFC').toLowerCase();
