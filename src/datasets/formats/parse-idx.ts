import { UserError } from '../../base/errors.js';

const IMAGES_MAGIC = 2051;
const LABELS_MAGIC = 2049;

export interface IdxImages {
  readonly count: number;
  readonly rows: number;
  readonly columns: number;
  /** count * rows * columns bytes, image by image, row by row: a view of the file's content. */
  readonly pixels: Uint8Array;
}

/**
 * Reads the content of an IDX file of images: big-endian magic 2051, count, rows, columns, then a byte per pixel.
 * A size in the header is used only if it agrees with the length of the content.
 *
 * @param path names the file in errors
 * @throws UserError if the content is something else, is cut short, or continues after the last image
 */
export function parseIdxImages(content: Uint8Array, path: string): IdxImages {
  const [count, rows, columns] = readHeader(content, path, IMAGES_MAGIC, 'images', 3);
  const what = `${count} images of ${rows}x${columns} pixels`;
  return { count, rows, columns, pixels: readBody(content, path, 16, count * rows * columns, what) };
}

/**
 * Reads the content of an IDX file of labels: big-endian magic 2049, count, then a byte per label, below `classes`.
 *
 * @throws UserError as `parseIdxImages`, and if a label is `classes` or more
 */
export function parseIdxLabels(content: Uint8Array, path: string, classes: number): Uint8Array {
  const [count] = readHeader(content, path, LABELS_MAGIC, 'labels', 1);
  const labels = readBody(content, path, 8, count, `${count} labels`);
  const wrong = labels.findIndex((label) => label >= classes);
  if (wrong >= 0) {
    throw new UserError(`${path}: expected labels from 0 to ${classes - 1}, found ${labels[wrong]} at index ${wrong}`);
  }
  return labels;
}

function readHeader(content: Uint8Array, path: string, magic: number, what: string, dimensions: number): number[] {
  const length = 4 * (1 + dimensions);
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const found = content.length >= 4 ? view.getUint32(0) : undefined;
  if (found !== undefined && found !== magic) {
    throw new UserError(
      `${path}: expected an IDX file of ${what} (magic number ${magic}), found magic number ${found}`,
    );
  }
  if (content.length < length) {
    throw new UserError(
      `${path}: expected an IDX header of ${length} bytes, found a file of ${content.length}; it is cut short`,
    );
  }
  const sizes = Array.from({ length: dimensions }, (_, i) => view.getUint32(4 + 4 * i));
  if (sizes.includes(0)) throw new UserError(`${path}: expected ${what}, found none (sizes ${sizes.join(' x ')})`);
  return sizes;
}

/** `bytes` may be as large as 2^96 and therefore inexact, but then it is far from the length of any file. */
function readBody(content: Uint8Array, path: string, start: number, bytes: number, what: string): Uint8Array {
  const found = content.length - start;
  if (found === bytes) return content.subarray(start);
  const fault = found < bytes ? 'it is cut short' : 'it goes on after the last one';
  throw new UserError(
    `${path}: expected ${bytes} bytes (its header says ${what}), found ${found}; ${fault}, replace the file`,
  );
}
