// Makes the built-in sample `fashion-mnist-sample` from Fashion-MNIST (Debian: package dataset-fashion-mnist): the first
// 600 training and 100 test images of each class, in their order. The result is always the same.
//
//   npx tsx scripts/make-fashion-mnist-sample.ts [FOLDER]
//
// It prints the facts about the files that datasets/catalog.json must contain.
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { makeFolder, writeFileAtomic } from '../src/base/files.js';
import { sha256 } from '../src/base/hash.js';
import { catalogEntry, PACKAGE_DATASETS } from '../src/datasets/catalog.js';
import type { Split } from '../src/datasets/dataset.js';
import { fetchDataset } from '../src/datasets/fetch.js';
import { loadDataset } from '../src/datasets/load-dataset.js';
import type { MemoryPixels } from '../src/datasets/pixels.js';

const TRAIN_PER_CLASS = 600;
const TEST_PER_CLASS = 100;

const folder = process.argv[2] ?? join(PACKAGE_DATASETS, 'fashion-mnist-sample');
const source = catalogEntry('fashion-mnist');
await fetchDataset(source); // checks every SHA-256
const { shape, train, test } = await loadDataset(source.name);
const [height, width] = shape;
const imageBytes = height * width;

makeFolder(folder);
const trainImages = writeSplit('train', train, TRAIN_PER_CLASS);
writeSplit('t10k', test, TEST_PER_CLASS);
console.log('mean and standard deviation of pixel / 255:', meanAndDeviation(trainImages));

function writeSplit(prefix: string, split: Split, perClass: number): Buffer {
  const places = firstOfEachClass(split.labels, perClass);
  const { bytes } = split.pixels as MemoryPixels;
  const images = Buffer.concat(places.map((i) => bytes.subarray(i * imageBytes, (i + 1) * imageBytes)));
  write(`${prefix}-images-idx3-ubyte`, Buffer.concat([header(2051, places.length, height, width), images]));
  write(
    `${prefix}-labels-idx1-ubyte`,
    Buffer.concat([header(2049, places.length), Buffer.from(places.map((i) => split.labels[i]))]),
  );
  return images;
}

function firstOfEachClass(labels: Uint16Array, perClass: number): number[] {
  const taken = new Array<number>(source.labels.length).fill(0);
  return [...labels.keys()].filter((place) => taken[labels[place]]++ < perClass);
}

/** The big-endian numbers at the start of an IDX file. */
function header(...numbers: number[]): Buffer {
  const bytes = Buffer.alloc(4 * numbers.length);
  for (const [i, number] of numbers.entries()) bytes.writeUInt32BE(number, 4 * i);
  return bytes;
}

function write(name: string, content: Buffer): void {
  const gzip = gzipSync(content, { level: 9 });
  writeFileAtomic(join(folder, `${name}.gz`), gzip);
  console.log(`${name}: ${content.length} bytes, SHA-256 ${sha256(content)} (gzip: ${gzip.length} bytes)`);
}

function meanAndDeviation(pixels: Uint8Array): { mean: number; std: number } {
  let sum = 0;
  let squares = 0;
  for (const pixel of pixels) {
    sum += pixel;
    squares += pixel * pixel;
  }
  const mean = sum / pixels.length / 255;
  return { mean, std: Math.sqrt(squares / pixels.length / 255 ** 2 - mean ** 2) };
}
