import { basename, extname } from 'node:path';
import sharp from 'sharp';

/** Extensions of image files, with sharp's name for the format. */
const FORMATS: Readonly<Record<string, string>> = {
  '.jpg': 'jpeg',
  '.jpeg': 'jpeg',
  '.jfif': 'jpeg',
  '.png': 'png',
  '.webp': 'webp',
  '.gif': 'gif',
  '.avif': 'heif',
  '.tif': 'tiff',
  '.tiff': 'tiff',
  '.bmp': 'magick',
};

/** Image formats that sharp doesn't read, or only in custom builds. */
const OTHER_IMAGES = new Set([
  '.bmp',
  '.heic',
  '.heif',
  '.jxl',
  '.jp2',
  '.psd',
  '.raw',
  '.dng',
  '.cr2',
  '.nef',
  '.svg',
]);

/** Kind of a file according to its name. */
export type FileKind = 'image' | 'unsupported image' | 'system' | 'other';

/** Extensions of image files that can be read here. */
export const IMAGE_EXTENSIONS: readonly string[] = Object.keys(FORMATS).filter((extension) => {
  const formats = sharp.format as unknown as Record<string, { readonly input: { readonly file: boolean } } | undefined>;
  return formats[FORMATS[extension]]?.input.file === true;
});
const readable = new Set(IMAGE_EXTENSIONS);

/** @param path of a file; files inside system folders are ignored */
export function fileKind(path: string): FileKind {
  if (path.split(/[/\\]/).some(isSystemName)) return 'system';
  const extension = extname(basename(path)).toLowerCase();
  if (readable.has(extension)) return 'image';
  return OTHER_IMAGES.has(extension) ? 'unsupported image' : 'other';
}

/** Names of files and folders that operating systems and archive tools create beside the user's own. */
export const isSystemName = (name: string): boolean => name.startsWith('.') || SYSTEM_NAMES.has(name.toLowerCase());

const SYSTEM_NAMES = new Set(['__macosx', 'desktop.ini', 'thumbs.db', 'ehthumbs.db', '@eadir', '$recycle.bin']);
