import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { sha256 } from '../src/base/hash.js';
import { catalogEntry } from '../src/datasets/catalog.js';
import type { Dataset, Split } from '../src/datasets/dataset.js';
import { type IdxEntry, ROLES, type Role } from '../src/datasets/formats/idx.js';
import { featuresOf } from '../src/network/shapes.js';

/** The content of an IDX file: its magic number and sizes, then `body`. */
export function idx(numbers: number[], body: ArrayLike<number>): Buffer {
  const header = Buffer.alloc(4 * numbers.length);
  for (const [i, number] of numbers.entries()) header.writeUInt32BE(number, 4 * i);
  return Buffer.concat([header, Buffer.from(Array.from(body))]);
}

/** A data set of the catalogue that is known to be of IDX files. */
export const idxEntry = (name: string): IdxEntry => catalogEntry(name) as IdxEntry;

/** The pixels of a data set that is held in memory. */
export function bytesIn({ pixels }: Split): Uint8Array {
  if (pixels.in !== 'memory') throw new Error(`expected pixels in memory, found ${pixels.in}`);
  return pixels.bytes;
}

/** The first training images of a data set in memory, without those after them. */
export function firstImages(count: number, dataset: Dataset): Dataset {
  const { labels } = dataset.train;
  const bytes = bytesIn(dataset.train).subarray(0, count * featuresOf(dataset.shape));
  return { ...dataset, train: { count, labels: labels.subarray(0, count), pixels: { in: 'memory', bytes } } };
}

const TINY = { train: 12, test: 6, height: 4, width: 3 };

/** A data set of 3 classes (12 + 6 images of 4x3 pixels unless told), as a catalogue entry and as unpacked files. */
export function tinyDataset(
  sources: string[] = [],
  { train, test, height, width } = TINY,
): { entry: IdxEntry; contents: Record<Role, Buffer> } {
  // The second term keeps images of 256 pixels from being all alike.
  const pixel = (i: number) => (i * 37 + (i >> 8) * 85) % 256;
  const pixels = (count: number) => Array.from({ length: count * height * width }, (_, i) => pixel(i));
  const labels = (count: number) => Array.from({ length: count }, (_, i) => i % 3);
  const contents = {
    trainImages: idx([2051, train, height, width], pixels(train)),
    trainLabels: idx([2049, train], labels(train)),
    testImages: idx([2051, test, height, width], pixels(test)),
    testLabels: idx([2049, test], labels(test)),
  };
  const file = (name: string, content: Buffer) => {
    const gzip = gzipSync(content);
    return {
      name,
      bytes: content.length,
      sha256: sha256(content),
      gzip: { bytes: gzip.length, sha256: sha256(gzip) },
    };
  };
  const entry: IdxEntry = {
    name: 'tiny',
    format: 'idx',
    title: 'A few images',
    licence: 'MIT',
    credit: 'nobody',
    sources,
    shape: [height, width, 1],
    labels: ['a', 'b', 'c'],
    mean: [0.5],
    std: [0.25],
    train,
    test,
    files: {
      trainImages: file('train-images-idx3-ubyte', contents.trainImages),
      trainLabels: file('train-labels-idx1-ubyte', contents.trainLabels),
      testImages: file('t10k-images-idx3-ubyte', contents.testImages),
      testLabels: file('t10k-labels-idx1-ubyte', contents.testLabels),
    },
  };
  return { entry, contents };
}

/** Writes the files of a data set into a folder, gzipped or not. */
export function writeFiles(folder: string, entry: IdxEntry, contents: Record<Role, Buffer>, gzip: boolean): void {
  mkdirSync(folder, { recursive: true });
  for (const role of ROLES) {
    const path = join(folder, entry.files[role].name);
    if (gzip) writeFileSync(`${path}.gz`, gzipSync(contents[role]));
    else writeFileSync(path, contents[role]);
  }
}
