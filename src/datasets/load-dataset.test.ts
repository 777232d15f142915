import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { bytesIn, idx, idxEntry } from '../../test/tiny-dataset.js';
import { UserError } from '../base/errors.js';
import { PACKAGE_DATASETS } from './catalog.js';
import type { Dataset } from './dataset.js';
import { ROLES } from './formats/idx.js';
import { loadDataset } from './load-dataset.js';
import { findDataset } from './locations.js';
import { verifyFiles } from './verify.js';

const NAME = 'fashion-mnist-sample';
const entry = idxEntry(NAME);
const env = { XDG_CACHE_HOME: mkdtempSync(join(tmpdir(), 'lcdnn-cache-')) };

describe('the built-in sample', () => {
  let dataset: Dataset;
  beforeAll(async () => {
    dataset = await loadDataset(NAME, { env });
  });

  it('has 600 + 100 images of each class', () => {
    for (const [split, perClass] of [
      [dataset.train, 600],
      [dataset.test, 100],
    ] as const) {
      const counts = new Array(10).fill(0);
      for (const label of split.labels) counts[label]++;
      expect(counts).toEqual(new Array(10).fill(perClass));
      expect(bytesIn(split).length).toBe(split.count * 28 * 28);
    }
  });

  it('has the mean and the deviation that the catalogue says', () => {
    const pixels = bytesIn(dataset.train);
    const mean = pixels.reduce((sum, pixel) => sum + pixel / 255, 0) / pixels.length;
    const variance = pixels.reduce((sum, pixel) => sum + (pixel / 255 - mean) ** 2, 0) / pixels.length;
    expect(mean).toBeCloseTo(dataset.mean[0], 9);
    expect(Math.sqrt(variance)).toBeCloseTo(dataset.std[0], 9);
  });

  it('has the checksums of the catalogue', async () => {
    const checks = await verifyFiles(entry, (await findDataset(entry, { env }))!);
    expect(checks.map((check) => check.fault)).toEqual([undefined, undefined, undefined, undefined]);
  });
});

describe('files that are not right', () => {
  /** A --data-dir with the sample's files, one of them changed. */
  function dataDirWith(role: (typeof ROLES)[number], change: (content: Buffer) => Buffer): string {
    const dataDir = mkdtempSync(join(tmpdir(), 'lcdnn-dataset-'));
    for (const each of ROLES) {
      const name = `${entry.files[each].name}.gz`;
      const packed = readFileSync(join(PACKAGE_DATASETS, NAME, name));
      writeFileSync(join(dataDir, name), each === role ? change(gunzipSync(packed)) : packed);
    }
    return dataDir;
  }

  it.each<[string, (typeof ROLES)[number], (content: Buffer) => Buffer, RegExp]>([
    [
      'cut short',
      'trainImages',
      (content) => content.subarray(0, 1000),
      /train-images.*: expected 4704000 bytes.*984; it is cut/,
    ],
    ['a gzip cut short', 'testImages', (content) => gzipSync(content).subarray(0, 1000), /t10k-images.*damaged/],
    [
      'too long',
      'testImages',
      (content) => Buffer.concat([content, content]),
      /t10k-images.*expected 784016 bytes.*more/,
    ],
    [
      'of another magic number',
      'trainLabels',
      (content) => idx([7, 6000], content.subarray(8)),
      /found magic number 7/,
    ],
    [
      'with labels out of range',
      'testLabels',
      () => idx([2049, 1000], new Uint8Array(1000).fill(10)),
      /0 to 9, found 10/,
    ],
    [
      'with a label less',
      'testLabels',
      () => idx([2049, 999], new Uint8Array(999)),
      /label for each of the 1000 images, found 999/,
    ],
    [
      'of another shape',
      'testImages',
      () => idx([2051, 1000, 14, 56], new Uint8Array(784_000)),
      /28x28.*found 1000 of 14x56/,
    ],
    [
      "another data set's",
      'testLabels',
      () => idx([2049, 1000], new Uint8Array(1000)),
      /expected the labels of fashion-mnist-sample/,
    ],
  ])('are refused where they are %s', async (_, role, change, message) => {
    const loading = loadDataset(NAME, { dataDir: dataDirWith(role, change), env });
    await expect(loading).rejects.toThrow(UserError);
    await expect(loading).rejects.toThrow(message);
    await expect(loading).rejects.not.toThrow('\n');
  });

  it('are told by verify where only a pixel differs', async () => {
    const dataDir = dataDirWith('testImages', (content) => {
      content[5000] ^= 1;
      return gzipSync(content);
    });
    await loadDataset(NAME, { dataDir, env });
    const checks = await verifyFiles(entry, (await findDataset(entry, { dataDir, env }))!);
    expect(checks.filter((check) => check.fault)).toMatchObject([
      {
        path: join(dataDir, 't10k-images-idx3-ubyte.gz'),
        fault: expect.stringContaining('expected content with SHA-256'),
      },
    ]);
  });
});

it('says what a --data-dir lacks', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'lcdnn-empty-'));
  await expect(loadDataset('mnist', { dataDir, env })).rejects.toThrow(
    `${dataDir}: expected the files of mnist there or in its subfolder mnist, some files are missing; expected train-images`,
  );
});
