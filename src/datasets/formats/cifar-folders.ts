import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { messageOf, UserError } from '../../base/errors.js';
import { sha256 } from '../../base/hash.js';
import type { Split } from '../dataset.js';
import { bytesOf, sharedBytes } from '../pixels.js';

const PARTS = ['train', 'test'] as const;

/** Images that are decoded at the same time. */
const AT_ONCE = 64;

/** A data set whose images can also be class folders of PNG files: DIR/train/apple/000.png, DIR/test/apple/000.png, ... */
interface FolderEntry {
  readonly name: string;
  readonly shape: readonly [number, number, number];
  readonly labels: readonly string[];
  readonly train: number;
  readonly test: number;
  /** SHA-256 of the sorted SHA-256s of all images (see `imagesHash`), by split. */
  readonly imagesSha256?: { readonly train: string; readonly test: string };
}

/** Whether a folder has train/CLASS and test/CLASS for every class. Class names may have "_" for each space. */
export function hasClassFolders(folder: string, entry: FolderEntry): boolean {
  return (
    existsSync(join(folder, 'train')) &&
    entry.labels.every((label) => PARTS.every((part) => classFolder(folder, part, label) !== undefined))
  );
}

/**
 * Reads class folders. The images are put into the order of their hashes, so the files' names don't matter, and their
 * number and content are compared with the catalogue's.
 *
 * @throws UserError if a file isn't an image of the data set's size, or the images aren't the data set's
 */
export async function readClassFolders(entry: FolderEntry, folder: string): Promise<{ train: Split; test: Split }> {
  return { train: await readPart(entry, folder, 'train'), test: await readPart(entry, folder, 'test') };
}

interface HashedImage {
  readonly label: number;
  readonly pixels: Uint8Array;
  readonly hash: string;
}

async function readPart(entry: FolderEntry, folder: string, part: (typeof PARTS)[number]): Promise<Split> {
  const files = entry.labels.flatMap((name, label) => {
    const path = classFolder(folder, part, name)!;
    return readdirSync(path)
      .filter((file) => file.toLowerCase().endsWith('.png') && !file.startsWith('.'))
      .map((file) => ({ path: join(path, file), label }));
  });
  if (files.length !== entry[part]) {
    throw new UserError(
      `${join(folder, part)}: expected ${entry[part]} PNG files of ${entry.name} in its class folders, ` +
        `found ${files.length}; unpack the data set again`,
    );
  }
  const images: HashedImage[] = [];
  for (let i = 0; i < files.length; i += AT_ONCE) {
    const some = files.slice(i, i + AT_ONCE);
    images.push(...(await Promise.all(some.map(({ path, label }) => readPng(path, label, entry.shape)))));
  }
  images.sort((a, b) => (a.hash < b.hash ? -1 : 1));
  const found = sortedHash(images.map(({ hash }) => hash));
  const expected = entry.imagesSha256?.[part];
  if (expected !== undefined && found !== expected) {
    throw new UserError(
      `${join(folder, part)}: expected the images of ${entry.name} (SHA-256 ${expected}), found others (${found}); ` +
        'unpack the data set again, or train on this folder with --dataset folder',
    );
  }
  const size = bytesOf(entry.shape);
  const bytes = sharedBytes(images.length * size);
  images.forEach(({ pixels }, i) => {
    bytes.set(pixels, i * size);
  });
  return {
    count: images.length,
    pixels: { in: 'memory', bytes },
    labels: Uint16Array.from(images, ({ label }) => label),
  };
}

/**
 * SHA-256 of a split's content, whatever the order of its images: the hash of the sorted hashes of all images, each of
 * its label (one byte) and its pixels (rows of RGB).
 *
 * @param pixels one image after the other, NHWC
 */
export function imagesHash(pixels: Uint8Array, labels: Uint16Array, imageBytes: number): string {
  const hashes = Array.from(labels, (label, i) =>
    imageHash(label, pixels.subarray(i * imageBytes, (i + 1) * imageBytes)),
  );
  return sortedHash(hashes.sort());
}

const sortedHash = (hashes: readonly string[]): string => sha256(hashes.join('\n'));

const imageHash = (label: number, pixels: Uint8Array): string =>
  createHash('sha256').update(Uint8Array.of(label)).update(pixels).digest('hex');

async function readPng(path: string, label: number, shape: FolderEntry['shape']): Promise<HashedImage> {
  const [height, width, channels] = shape;
  const decoded = await sharp(readFileSync(path), { failOn: 'warning' })
    .toColourspace('srgb')
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true })
    .catch((thrown) => {
      throw new UserError(`${path}: expected an image, found: ${messageOf(thrown)}; unpack the data set again`);
    });
  const { info } = decoded;
  if (info.height !== height || info.width !== width || info.channels !== channels) {
    throw new UserError(
      `${path}: expected ${width}x${height} pixels in ${channels} colours, ` +
        `found ${info.width}x${info.height} in ${info.channels}; unpack the data set again`,
    );
  }
  const pixels = new Uint8Array(decoded.data);
  return { label, pixels, hash: imageHash(label, pixels) };
}

/** The folder of a class in a split. */
function classFolder(folder: string, part: string, label: string): string | undefined {
  return [label, label.replaceAll(' ', '_')].map((name) => join(folder, part, name)).find((path) => existsSync(path));
}
