import { cpSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { plainImage } from '../../test/image-files.js';
import { splitTrainValidation } from '../datasets/split.js';
import { resolveConfig } from '../run/config.js';
import { readDataRecord } from '../run/data-record.js';
import { networkOf, type Run, runFile } from '../run/run-directory.js';
import { createRecordedRun, loadNewData, loadRunData } from './run-data.js';

const CLASSES = ['blue', 'green', 'red'];
let images: string;
let run: Run;
process.env['XDG_CACHE_HOME'] = mkdtempSync(join(tmpdir(), 'lcdnn-cache-'));

/** 20 different images of each class, without train and test folders. */
const whole = mkdtempSync(join(tmpdir(), 'lcdnn-data-'));
const made = Promise.all(
  CLASSES.flatMap((name, label) =>
    Array.from({ length: 20 }, (_, i) => plainImage(join(whole, name, `${i}.png`), [80 * label, 10 * i, 30])),
  ),
);

beforeEach(async () => {
  await made;
  images = mkdtempSync(join(tmpdir(), 'lcdnn-data-'));
  cpSync(whole, images, { recursive: true });
  const config = resolveConfig({ dataset: 'folder', dataDir: images, imageSize: 16, batchSize: 4, width: 0.1 });
  const dataset = await loadNewData(config);
  const path = join(mkdtempSync(join(tmpdir(), 'lcdnn-run-')), 'run');
  run = createRecordedRun(path, config, networkOf(config, dataset.shape, CLASSES.length), dataset);
});

const load = (acceptChangedData = false) => loadRunData(run, { acceptChangedData });

/** The split of every file as the run would use it now. */
async function splits(): Promise<Map<string, string>> {
  const { dataset } = await load(true);
  const { folder, train } = dataset;
  const { validation } = splitTrainValidation(train, run.config.validation, run.config.seed);
  return new Map([
    ...folder!.train.map(({ file }, i) => [file, validation.includes(i) ? 'validation' : 'train'] as const),
    ...folder!.test.map(({ file }) => [file, 'test'] as const),
  ]);
}

it('records classes, counts and each image with its split', () => {
  const record = readDataRecord(run)!;
  expect(record).toMatchObject({ classes: CLASSES, splitRule: 'content', dataset: 'folder' });
  expect(record.files).toHaveLength(60);
  const { train, validation, test } = record.images;
  expect(train + validation + test).toBe(60);
  for (const split of ['train', 'validation', 'test'] as const) {
    const ofSplit = record.files!.filter((file) => file[3] === split);
    expect(ofSplit).toHaveLength(record.images[split]);
    expect(new Set(ofSplit.map(([, , label]) => label))).toEqual(new Set([0, 1, 2]));
  }
});

it('opens data that have not changed, also where a file was renamed', async () => {
  renameSync(join(images, 'red', '3.png'), join(images, 'red', 'three.png'));
  expect((await load()).changes).toBeUndefined();
});

describe('stops and says what has changed', () => {
  it.each<[string, () => void | Promise<void>, RegExp]>([
    [
      'a class name',
      () => renameSync(join(images, 'blue'), join(images, 'sky')),
      /expected the classes that it was trained with \(blue, green, red\), found others \(missing: blue; new: sky\)/,
    ],
    ['a class more', () => plainImage(join(images, 'yellow', 'x.png'), [1, 2, 3]), /found others \(new: yellow\)/],
    ['a class less', () => rmSync(join(images, 'red'), { recursive: true }), /found others \(missing: red\)/],
  ])('%s, whatever is accepted', async (_, change, message) => {
    await change();
    await expect(load()).rejects.toThrow(message);
    await expect(load(true)).rejects.toThrow(message);
  });

  it.each<[string, () => void | Promise<void>, RegExp]>([
    [
      'a deleted image',
      () => rmSync(join(images, 'red', '3.png')),
      /found changes: 1 image missing \(red\/3.png\)\. Re/,
    ],
    ['a new image', () => plainImage(join(images, 'red', 'new.png'), [1, 2, 3]), /1 image new \(red\/new.png\)/],
    [
      'another content',
      () => plainImage(join(images, 'red', '3.png'), [1, 2, 3]),
      /1 image with another content \(red\/3.png\)/,
    ],
    [
      'another class',
      () => renameSync(join(images, 'red', '3.png'), join(images, 'blue', 'r3.png')),
      /1 image in another class \(blue\/r3.png\)/,
    ],
    [
      'names of two folders exchanged',
      () => {
        renameSync(join(images, 'red'), join(images, 'x'));
        renameSync(join(images, 'blue'), join(images, 'red'));
        renameSync(join(images, 'x'), join(images, 'blue'));
      },
      /40 images in another class \(blue\/0.png, .*, \.\.\.\)/,
    ],
  ])('%s, unless that is accepted', async (_, change, message) => {
    await change();
    await expect(load()).rejects.toThrow(message);
    await expect(load()).rejects.toThrow('--accept-changed-data');
    expect((await load(true)).changes?.text).toBeTruthy();
  });
});

it('keeps every image in its split when others come and go', async () => {
  const before = await splits();
  for (const i of [0, 5, 9, 13]) rmSync(join(images, 'green', `${i}.png`));
  for (let i = 0; i < 30; i++) await plainImage(join(images, 'green', `new-${i}.png`), [200, 7 * i, 100]);
  const after = await splits();
  for (const [file, split] of before) if (after.has(file)) expect(after.get(file), file).toBe(split);
  expect(new Set([...after].filter(([file]) => file.includes('new')).map(([, split]) => split)).size).toBeGreaterThan(
    1,
  );
});

it('opens a run of lcdnn 0.1 with the splits that it had', async () => {
  for (const file of ['data', 'images'] as const) rmSync(runFile(run, file));
  const { dataset } = await loadRunData(
    { ...run, config: { ...run.config, dataDir: undefined } },
    { dataDir: oldFolder() },
  );
  expect(dataset.train.hashes).toBeUndefined();
  expect(dataset.train.count).toBe(57);
});

/** A folder as lcdnn 0.1 reads it. */
function oldFolder(): string {
  const old = mkdtempSync(join(tmpdir(), 'lcdnn-data-'));
  cpSync(images, join(old, 'train'), { recursive: true });
  for (const name of CLASSES) {
    cpSync(join(images, name, '0.png'), join(old, 'val', name, '0.png'));
    rmSync(join(old, 'train', name, '0.png'));
  }
  return old;
}
