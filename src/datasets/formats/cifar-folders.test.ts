import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { tinyCifar, writeAll } from '../../../test/tiny-cifar.js';
import { bytesIn } from '../../../test/tiny-dataset.js';
import type { Split } from '../dataset.js';
import { locationIn } from '../locations.js';
import { verifyFiles } from '../verify.js';
import { type CifarEntry, cifar } from './cifar.js';
import { imagesHash } from './cifar-folders.js';

const { contents, entry: plain } = tinyCifar();
const entry: CifarEntry = { ...plain, labels: ['a', 'b c', 'd'] };
const IMAGE = 36;

const fresh = () => mkdtempSync(join(tmpdir(), 'lcdnn-cifar-folders-'));
const read = (folder: string, of = entry) => cifar.read(of, locationIn(folder, of, '--data-dir')!);

/** The images of a split as class folders; `name` gives a file's name from the image's index. */
async function writeFolders(folder: string, part: string, split: Split, name: (i: number) => string): Promise<void> {
  for (const [i, label] of split.labels.entries()) {
    const path = join(folder, part, entry.labels[label].replace(' ', '_'));
    mkdirSync(path, { recursive: true });
    const pixels = bytesIn(split).subarray(i * IMAGE, (i + 1) * IMAGE);
    const raw = { width: 3, height: 4, channels: 3 } as const;
    await sharp(pixels, { raw })
      .png()
      .toFile(join(path, name(i)));
  }
}

/** All images with their labels, in a fixed order. */
const sorted = (split: Split) =>
  Array.from(split.labels, (label, i) => [label, ...bytesIn(split).subarray(i * IMAGE, (i + 1) * IMAGE)].join()).sort();

describe('class folders of a CIFAR data set', () => {
  let binary: { train: Split; test: Split };
  let folder: string;
  let identified: CifarEntry;

  beforeAll(async () => {
    const files = fresh();
    writeAll(files, contents);
    binary = await read(files);
    folder = fresh();
    await writeFolders(folder, 'train', binary.train, (i) => `${i}.png`);
    await writeFolders(folder, 'test', binary.test, (i) => `${i}.png`);
    const hash = (split: Split) => imagesHash(bytesIn(split), split.labels, IMAGE);
    identified = { ...entry, imagesSha256: { train: hash(binary.train), test: hash(binary.test) } };
  });

  it('hold the same images and labels as the binary files', async () => {
    const { train, test } = await read(folder, identified);
    expect(sorted(train)).toEqual(sorted(binary.train));
    expect(sorted(test)).toEqual(sorted(binary.test));
    expect(bytesIn(train).buffer).toBeInstanceOf(SharedArrayBuffer);
  });

  it('give the same order whatever the names of the files', async () => {
    const renamed = fresh();
    await writeFolders(renamed, 'train', binary.train, (i) => `${99 - i}.PNG`);
    await writeFolders(renamed, 'test', binary.test, (i) => `${(7 * i) % 11}.png`);
    expect(await read(renamed, identified)).toEqual(await read(folder, identified));
  });

  it('are refused if an image is missing, has another size, or is damaged', async () => {
    const other = fresh();
    await writeFolders(other, 'train', binary.train, (i) => `${i}.png`);
    await writeFolders(other, 'test', binary.test, (i) => `${i}.png`);
    const path = join(other, 'train', 'a', '0.png');
    await sharp({ create: { width: 5, height: 4, channels: 3, background: 'red' } })
      .png()
      .toFile(path);
    await expect(read(other)).rejects.toThrow(/0.png: expected 3x4 pixels in 3 colours, found 5x4/);
    writeFileSync(path, 'no image');
    await expect(read(other)).rejects.toThrow(/0.png: expected an image, found/);
    rmSync(path);
    await expect(read(other)).rejects.toThrow(
      /train: expected 12 PNG files of tiny-cifar in its class folders, found 11/,
    );
  });

  it('are refused, also by verify, if they hold other images or labels', async () => {
    const changed = { ...identified, imagesSha256: { ...identified.imagesSha256!, test: '0'.repeat(64) } };
    await expect(read(folder, changed)).rejects.toThrow(/test: expected the images of tiny-cifar/);
    const location = locationIn(folder, changed, '--data-dir')!;
    expect(await verifyFiles(changed, location)).toEqual([
      { path: folder, fault: expect.stringMatching(/expected the images of tiny-cifar/) },
    ]);
    expect(await verifyFiles(identified, location)).toEqual([{ path: folder }]);
  });

  it('need every class in both splits', () => {
    const partial = fresh();
    mkdirSync(join(partial, 'train', 'a'), { recursive: true });
    expect(locationIn(partial, entry, '--data-dir')).toBeUndefined();
  });
});
