// Writes the first images of each class of a data set as an image folder, so that a large network can be trained within
// minutes without a GPU. docs/reproduce/evaluation.md was measured with such subsets.
//
//   npx tsx benchmarks/system/subset.ts --dataset cifar-10 --data-dir DIR --out FOLDER --train 600 --test 100
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import sharp, { type Channels } from 'sharp';
import { makeFolder } from '../../src/base/files.js';
import type { Split } from '../../src/datasets/dataset.js';
import { loadDataset } from '../../src/datasets/load-dataset.js';
import { bytesOf, type MemoryPixels } from '../../src/datasets/pixels.js';

const { values: flags } = parseArgs({
  options: {
    dataset: { type: 'string', default: 'cifar-10' },
    'data-dir': { type: 'string' },
    out: { type: 'string', default: 'subset' },
    /** Images per class. */
    train: { type: 'string', default: '600' },
    test: { type: 'string', default: '100' },
  },
});

const { shape, labels, train, test } = await loadDataset(flags.dataset, { dataDir: flags['data-dir'] });
await writeImages('train', train, Number(flags.train));
await writeImages('test', test, Number(flags.test));

async function writeImages(part: string, split: Split, perClass: number): Promise<void> {
  const [height, width, channels] = shape;
  const { bytes } = split.pixels as MemoryPixels;
  for (const label of labels) makeFolder(join(flags.out, part, label));
  const taken = new Array<number>(labels.length).fill(0);
  for (let i = 0; i < split.count; i++) {
    const label = split.labels[i];
    if (taken[label]++ >= perClass) continue;
    const pixels = bytes.subarray(i * bytesOf(shape), (i + 1) * bytesOf(shape));
    const file = join(flags.out, part, labels[label], `${String(i).padStart(5, '0')}.png`);
    await sharp(Buffer.from(pixels), { raw: { width, height, channels: channels as Channels } }).toFile(file);
  }
}
