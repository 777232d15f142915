import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { tarGz, tinyCifar, writeAll, xz } from '../../../test/tiny-cifar.js';
import { bytesIn } from '../../../test/tiny-dataset.js';
import { UserError } from '../../base/errors.js';
import { loadDataset } from '../load-dataset.js';
import { locationIn } from '../locations.js';
import { verifyFiles } from '../verify.js';
import { type CifarEntry, cifar } from './cifar.js';

const { entry, contents } = tinyCifar();
const hasXz = spawnSync('xz', ['--version']).status === 0;

const fresh = () => mkdtempSync(join(tmpdir(), 'lcdnn-cifar-'));

function folderWith(files: Readonly<Record<string, Buffer>>): string {
  const folder = fresh();
  writeAll(folder, files);
  return folder;
}

const read = (folder: string, of: CifarEntry = entry) => cifar.read(of, locationIn(folder, of, '--data-dir')!);

/** The image at an index as stored in its file: planes of red, green, blue. */
function planesOf(bytes: Uint8Array, index: number): number[] {
  const image = [...bytes.subarray(index * 36, (index + 1) * 36)];
  return [0, 1, 2].flatMap((c) => image.filter((_, i) => i % 3 === c));
}

const renamed = (ending: string, change: (content: Buffer) => Buffer) =>
  Object.fromEntries(Object.entries(contents).map(([name, content]) => [name + ending, change(content)]));

describe('the format of CIFAR', () => {
  it.each([1, 2])('reads records of %s label bytes: planes to pixels, the last label byte', async (labelBytes) => {
    const tiny = tinyCifar(labelBytes);
    const { train, test } = await read(folderWith(tiny.contents), tiny.entry);
    expect([train.count, test.count]).toEqual([12, 6]);
    expect([...train.labels]).toEqual([0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2]);
    const record = labelBytes + 36;
    for (const [index, file, at] of [
      [0, 'data_batch_1.bin', 0],
      [5, 'data_batch_1.bin', 5],
      [8, 'data_batch_2.bin', 2],
    ] as const) {
      const stored = tiny.contents[file].subarray(at * record + labelBytes, (at + 1) * record);
      expect(planesOf(bytesIn(train), index)).toEqual([...stored]);
    }
  });

  it('shares its pixels with threads', async () => {
    const { train } = await read(folderWith(contents));
    expect(bytesIn(train).buffer).toBeInstanceOf(SharedArrayBuffer);
  });

  it('reads the same from plain files, gzip, the archive and its folder', async () => {
    const expected = await read(folderWith(contents));
    const nested = fresh();
    writeAll(join(nested, 'tiny-cifar-bin'), contents);
    const shuffled = Object.fromEntries(Object.entries(contents).reverse());
    for (const folder of [
      folderWith(renamed('.gz', (content) => gzipSync(content))),
      folderWith({ 'tiny-cifar.tar.gz': await tarGz(contents) }),
      folderWith({ 'tiny-cifar.tar.gz': await tarGz(shuffled, '../../etc') }),
      nested,
    ]) {
      expect(await read(folder)).toEqual(expected);
    }
  });

  it.runIf(hasXz)('reads the same from xz', async () => {
    expect(await read(folderWith(renamed('.xz', xz)))).toEqual(await read(folderWith(contents)));
  });

  const changed = (at: number, value: number) => {
    const copy = Buffer.from(contents['data_batch_2.bin']);
    copy[at] = value;
    return copy;
  };
  const second = contents['data_batch_2.bin'];

  it.each<[string, Buffer, RegExp]>([
    ['cut short', second.subarray(0, 100), /data_batch_2.bin: expected 222 bytes, found 100; it is cut short/],
    ['an image short', second.subarray(0, 185), /expected 222 bytes, found 185/],
    ['too long', Buffer.concat([second, second]), /expected 222 bytes of content, found more/],
    ['a gzip cut short', gzipSync(second).subarray(0, 50), /data_batch_2.bin: expected a whole gzip file/],
    ['with a label out of range', changed(37, 3), /expected labels from 0 to 2, found 3 at index 1/],
    ['with a pixel changed', changed(5, 77), /data_batch_2.bin: expected content with SHA-256/],
    ['empty', Buffer.alloc(0), /expected 222 bytes, found 0/],
  ])('refuses a file that is %s', async (_, content, message) => {
    const reading = read(folderWith({ ...contents, 'data_batch_2.bin': content }));
    await expect(reading).rejects.toThrow(UserError);
    await expect(reading).rejects.toThrow(message);
    await expect(reading).rejects.not.toThrow('\n');
  });

  it.runIf(hasXz)('refuses an xz that is cut short or unpacks to too much', async () => {
    const { 'data_batch_2.bin': _, ...others } = contents;
    const cut = read(folderWith({ ...others, 'data_batch_2.bin.xz': xz(second).subarray(0, 40) }));
    await expect(cut).rejects.toThrow(UserError);
    await expect(cut).rejects.toThrow(/data_batch_2.bin.xz: expected a whole xz file, found a damaged one/);
    const bomb = read(folderWith({ ...others, 'data_batch_2.bin.xz': xz(Buffer.alloc(20_000_000)) }));
    await expect(bomb).rejects.toThrow(/data_batch_2.bin.xz: expected 222 bytes of content, found more/);
  });

  it.runIf(hasXz)('says what is missing where there is no xz command', async () => {
    const folder = folderWith(renamed('.xz', xz));
    const path = process.env['PATH'];
    process.env['PATH'] = folder;
    try {
      await expect(read(folder)).rejects.toThrow(
        /data_batch_1.bin.xz: expected the command "xz" .* isn't installed; install it/,
      );
    } finally {
      process.env['PATH'] = path;
    }
  });

  it('refuses an archive that is cut short, no archive, incomplete or a bomb', async () => {
    const whole = await tarGz(contents);
    const { 'test_batch.bin': _, ...incomplete } = contents;
    for (const [archive, message] of [
      [whole.subarray(0, whole.length - 60), /tiny-cifar.tar.gz: expected a whole .tar.gz, found a damaged one/],
      [whole.subarray(0, 40), /found a damaged one/],
      [Buffer.from('no archive'), /found a damaged one \(incorrect header check\)/],
      [gzipSync(Buffer.from('no archive'.repeat(200))), /found a damaged one/],
      [gzipSync(Buffer.alloc(0)), /expected data_batch_1.bin, data_batch_2.bin, test_batch.bin in it, found none/],
      [await tarGz(incomplete), /expected test_batch.bin in it, found none/],
      [
        await tarGz({ ...contents, 'test_batch.bin': second.subarray(9) }),
        /expected 222 bytes in test_batch.bin, found 213/,
      ],
      [
        await tarGz({ ...incomplete, 'a.bin': Buffer.alloc(20_000_000) }),
        /expected at most 16777882 bytes unpacked, found more/,
      ],
    ] as const) {
      const reading = read(folderWith({ 'tiny-cifar.tar.gz': archive }));
      await expect(reading).rejects.toThrow(UserError);
      await expect(reading).rejects.toThrow(message);
    }
  });
});

it('verify reads archives', async () => {
  const check = async (archive: Buffer) => {
    const folder = folderWith({ 'tiny-cifar.tar.gz': archive });
    return verifyFiles(entry, locationIn(folder, entry, '--data-dir')!);
  };
  expect((await check(await tarGz(contents))).map(({ fault }) => fault)).toEqual([undefined, undefined, undefined]);
  const wrong = { ...contents, 'test_batch.bin': Buffer.from(contents['test_batch.bin']).fill(7, 50, 51) };
  expect((await check(await tarGz(wrong))).map(({ fault }) => fault)).toEqual([
    undefined,
    undefined,
    expect.stringContaining('test_batch.bin: expected content with SHA-256'),
  ]);
  expect(await check((await tarGz(contents)).subarray(0, 90))).toMatchObject([{ fault: /damaged/ }]);
});

/** Published SHA-1 sums of the original files; ours are SHA-256 of the same files. */
const ORIGINAL = 'aadd24acce27caa71bf4b10992e9e7b2d74c2540';
const shared = fileURLToPath(new URL('../../../../shared/datasets/', import.meta.url));

describe.runIf(hasXz && existsSync(join(shared, 'cifar-10')))('CIFAR-10', () => {
  it('is read whole: 5,000 + 1,000 images of each class, with the mean and deviation of the catalogue', async () => {
    const { train, test, mean, std, labels } = await loadDataset('cifar-10', { dataDir: shared });
    expect(labels).toHaveLength(10);
    for (const [split, perClass] of [
      [train, 5000],
      [test, 1000],
    ] as const) {
      const counts = new Array(10).fill(0);
      for (const label of split.labels) counts[label]++;
      expect(counts).toEqual(new Array(10).fill(perClass));
    }
    const pixels = bytesIn(train);
    const sums = [0, 0, 0];
    const squares = [0, 0, 0];
    for (let i = 0; i < pixels.length; i++) {
      sums[i % 3] += pixels[i];
      squares[i % 3] += pixels[i] * pixels[i];
    }
    for (const c of [0, 1, 2]) {
      const average = (3 * sums[c]) / pixels.length / 255;
      expect(average).toBeCloseTo(mean[c], 12);
      expect(Math.sqrt((3 * squares[c]) / pixels.length / 255 ** 2 - average ** 2)).toBeCloseTo(std[c], 12);
    }
    const first = Buffer.alloc(30_730_000);
    for (let i = 0; i < 10_000; i++) {
      first[i * 3073] = train.labels[i];
      for (let p = 0; p < 3072; p++) first[i * 3073 + 1 + (p % 3) * 1024 + Math.floor(p / 3)] = pixels[i * 3072 + p];
    }
    expect(createHash('sha1').update(first).digest('hex')).toBe(ORIGINAL);
  });
});
