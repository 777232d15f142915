import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { beforeEach, describe, expect, it } from 'vitest';
import { hugePng, plainImage, tinyImageFolder, writeText } from '../../../test/image-files.js';
import { UserError } from '../../base/errors.js';
import type { Dataset, Split } from '../dataset.js';
import { bytesOf, openPixels } from '../pixels.js';
import { type ImageFolderOptions, loadImageFolder } from './load-image-folder.js';

let folder: string;
let env: NodeJS.ProcessEnv;
let xdg: string;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lcdnn-images-'));
  xdg = mkdtempSync(join(tmpdir(), 'lcdnn-cache-'));
  env = { XDG_CACHE_HOME: xdg };
  await tinyImageFolder(folder);
});

const load = (options: ImageFolderOptions = {}) =>
  loadImageFolder('folder', { dataDir: folder, env, imageSize: 8, ...options });

/** The top left pixel of each image. */
async function firstPixels({ stored }: Dataset, split: Split): Promise<number[][]> {
  const reader = openPixels(split.pixels, stored);
  const image = new Uint8Array(bytesOf(stored));
  const pixels: number[][] = [];
  for (let i = 0; i < split.count; i++) {
    await reader.read(i, image);
    pixels.push([...image.subarray(0, 3)]);
  }
  await reader.close();
  return pixels;
}

const redOf = (label: number) => 100 * label;

async function expectRightPixels(dataset: Dataset): Promise<void> {
  for (const split of [dataset.train, dataset.test]) {
    for (const [i, [red]] of (await firstPixels(dataset, split)).entries()) {
      expect(Math.abs(red - redOf(split.labels[i]))).toBeLessThan(4); // JPEG
    }
  }
}

describe('loadImageFolder', () => {
  it('reads class folders: classes by name, squares of the resized size, the crop of the image size', async () => {
    const dataset = await load();
    expect(dataset).toMatchObject({ labels: ['a', 'b', 'c'], shape: [8, 8, 3], stored: [9, 9, 3] });
    expect([...dataset.train.labels]).toEqual([0, 0, 0, 1, 1, 1, 2, 2, 2]);
    expect([...dataset.test.labels]).toEqual([0, 0, 1, 1, 2, 2]);
    await expectRightPixels(dataset);
  });

  it('takes test/ before val/, unless it has no classes', async () => {
    mkdirSync(join(folder, 'test'));
    writeText(join(folder, 'test', 'unlabelled.jpg'), '');
    expect((await load()).test.count).toBe(6);
    for (const name of ['a', 'b', 'c']) await plainImage(join(folder, 'test', name, 'x.png'), [0, 0, 0]);
    expect((await load()).test.count).toBe(3);
  });

  it('takes the first classes, those of a list file in its order, or those named', async () => {
    expect((await load({ classes: 2 })).labels).toEqual(['a', 'b']);
    const list = join(folder, 'list.txt');
    writeFileSync(list, '# two of them\nc\n\na\r\n');
    for (const classes of [list, ['c', 'a'], 'c, a']) {
      const dataset = await load({ classes });
      expect(dataset.labels).toEqual(['c', 'a']);
      expect((await firstPixels(dataset, dataset.train)).map(([red]) => red > 100)).toEqual(
        [...dataset.train.labels].map((label) => label === 0),
      );
    }
    await expect(load({ classes: 4 })).rejects.toThrow(/expected 4 classes or more \(--classes\), found 3/);
    await expect(load({ classes: ['a', 'x'] })).rejects.toThrow(/expected the classes of the list, found no x/);
    await expect(load({ classes: ['a', 'a'] })).rejects.toThrow(/expected each class once, found a twice/);
    await expect(load({ classes: '1' })).rejects.toThrow(/expected 2 to 65,536 classes/);
    await expect(load({ classes: 'absent.txt' })).rejects.toThrow(
      /absent.txt: expected a list of classes .*no such file/,
    );
  });

  it('finds imagenet as a subfolder of what LCDNN_DATA names', async () => {
    await tinyImageFolder(join(folder, 'named', 'imagenet'));
    const dataset = await loadImageFolder('imagenet', { env: { ...env, LCDNN_DATA: join(folder, 'named') } });
    expect(dataset).toMatchObject({ shape: [224, 224, 3], stored: [256, 256, 3] });
    await expect(loadImageFolder('imagenet', { env })).rejects.toThrow(/imagenet: expected a folder .* --data-dir/);
  });

  it('packs decoded images into one file, once', async () => {
    const plain = await load();
    const packed = await load({ cache: true });
    expect(packed.train.pixels.in).toBe('packed');
    expect(await firstPixels(packed, packed.train)).toEqual(await firstPixels(plain, plain.train));
    expect(await firstPixels(packed, packed.test)).toEqual(await firstPixels(plain, plain.test));
    expect(await load({ cache: true })).toEqual(packed);
    const cache = () => readdirSync(join(xdg, 'lcdnn', 'images')).filter((name) => name.includes('packed'));
    expect(cache()).toHaveLength(1);
    await plainImage(join(folder, 'train', 'a', '0.png'), [1, 2, 3]);
    const again = await load({ cache: true });
    expect((await firstPixels(again, again.train))[0]).toEqual([1, 2, 3]);
    expect(cache()).toHaveLength(2);
  });

  it('says where a packed file was cut short', async () => {
    const dataset = await load({ cache: true });
    const { path } = dataset.train.pixels as { path: string };
    writeFileSync(path, 'x');
    await expect(firstPixels(dataset, dataset.train)).rejects.toThrow(/expected packed images .* cut short/);
    await expectRightPixels(await load({ cache: true }));
  });
});

describe('what can not be used is skipped and named, or stops with strict:', () => {
  const broken: [string, (path: string) => void, RegExp][] = [
    ['no image', (path) => writeText(path, 'no image'), /unsupported image format/],
    ['empty', (path) => writeText(path, ''), /found: /],
    ['20,000 x 20,000 pixels', (path) => writeText(path, hugePng(20_000, 20_000)), /pixel limit/],
    ['a header of 10^12 pixels', (path) => writeText(path, hugePng(1_000_000, 1_000_000, 1)), /pixel limit/],
    ['a link in a circle', (path) => symlinkSync(path, path), /a link that leads in a circle/],
    ['a link to nothing', (path) => symlinkSync('nothing', path), /no such file/],
    ['a folder', (path) => mkdirSync(path), /expected a file, found something else/],
    ['a pipe', (path) => execFileSync('mkfifo', [path]), /expected a file, found something else/],
  ];

  it.each(broken)('%s', async (_, write, reason) => {
    const path = join(folder, 'train', 'b', '00.png');
    write(path);
    const notes: string[] = [];
    for (const cache of [false, false, true, true]) {
      const dataset = await load({ cache, onNote: (line) => notes.push(line) });
      expect(dataset.train.count).toBe(9);
      await expectRightPixels(dataset);
    }
    expect(notes).toHaveLength(4);
    expect(new Set(notes).size).toBe(1);
    expect(notes[0]).toMatch(reason);
    expect(notes[0]).toContain("skipped 1 of 16 images that can't be used: train/b/00.png: ");
    const strict = load({ strict: true });
    await expect(strict).rejects.toThrow(UserError);
    await expect(strict).rejects.toThrow(`${path}: `);
    await expect(strict).rejects.toThrow('without --strict it is skipped');
  });

  it('a JPEG cut short', async () => {
    const path = join(folder, 'train', 'a', 'noise.jpg');
    await plainImage(path, [9, 9, 9], 400, 300);
    const { readFileSync } = await import('node:fs');
    writeFileSync(path, readFileSync(path).subarray(0, 900));
    const notes: string[] = [];
    expect((await load({ onNote: (line) => notes.push(line) })).train.count).toBe(9);
    expect(notes[0]).toContain('train/a/noise.jpg');
  });

  it('names the first few of many', async () => {
    for (let i = 0; i < 5; i++) writeText(join(folder, 'val', 'c', `x${i}.jpg`), 'no image');
    const notes: string[] = [];
    await load({ onNote: (line) => notes.push(line) });
    expect(notes[0]).toMatch(/skipped 5 of 20 images .*x0.jpg.*x1.jpg.*x2.jpg.*; and 2 more$/);
  });

  it('a whole class of them is an error', async () => {
    for (const file of ['0.png', '1.jpg']) writeText(join(folder, 'val', 'c', file), 'no image');
    await expect(load()).rejects.toThrow(/expected images of each class that can be used, found none of c$/);
  });
});

it('looks again only at what has changed', async () => {
  const path = join(folder, 'train', 'a', '00.png');
  writeText(path, 'no image');
  await load();
  const { mtimeMs, atimeMs } = await import('node:fs').then(({ statSync }) => statSync(path));
  await plainImage(path, [0, 0, 0], 1, 1);
  expect((await load()).train.count).toBe(10);
  writeText(path, 'no image');
  utimesSync(path, atimeMs / 1000, mtimeMs / 1000 + 5);
  expect((await load()).train.count).toBe(9);
});

it('notices files that were exchanged with their times, if they have the same size', async () => {
  const paths = ['a/new.tif', 'b/new.tif'].map((file) => join(folder, 'train', file));
  const plain = (r: number) =>
    ({ create: { width: 8, height: 8, channels: 3, background: { r, g: 0, b: 0 } } }) as const;
  const uncompressed = (r: number) => sharp(plain(r)).tiff({ compression: 'none' }).toBuffer();
  const contents = [await uncompressed(10), await uncompressed(200)];
  expect(contents[0].length).toBe(contents[1].length);
  const past = new Date(1e12);
  const write = (order: readonly number[]) => {
    for (const [i, path] of paths.entries()) {
      writeFileSync(path, contents[order[i]]);
      utimesSync(path, past, past);
    }
  };
  write([0, 1]);
  const hashes = async () => (await load()).train.hashes;
  const before = await hashes();
  write([1, 0]);
  expect(await hashes()).not.toEqual(before);
});

it('goes on after a torn line in the image check cache', async () => {
  await load();
  const cache = join(xdg, 'lcdnn', 'images');
  const [name] = readdirSync(cache);
  writeFileSync(join(cache, name), '["train/a/0.pn');
  expect((await load()).train.count).toBe(9);
  expect((await load()).train.count).toBe(9);
});

describe('layouts that are refused', () => {
  it.each<[string, () => void | Promise<void>, RegExp]>([
    [
      'no folder of images',
      () => rmSync(join(folder, 'train'), { recursive: true }),
      /expected train\/CLASS\/ with images/,
    ],
    [
      'a class less in val',
      () => rmSync(join(folder, 'val', 'b'), { recursive: true }),
      /same classes in train and val; val lacks b$/,
    ],
    [
      'a class more in val, and one less',
      async () => {
        rmSync(join(folder, 'val', 'b'), { recursive: true });
        await plainImage(join(folder, 'val', 'd', 'x.png'), [0, 0, 0]);
      },
      /val lacks b; only val has d$/,
    ],
    ['an empty class', () => mkdirSync(join(folder, 'train', 'd')), /val lacks d/],
    [
      'an empty class in both',
      () => {
        mkdirSync(join(folder, 'train', 'd'));
        writeText(join(folder, 'val', 'd', 'notes.txt'), 'no image');
      },
      /expected images of class d, found none/,
    ],
    [
      'one class',
      () =>
        ['b', 'c'].forEach((name) => {
          rmSync(join(folder, 'train', name), { recursive: true });
        }),
      /found 1/,
    ],
    [
      'a class folder that links in a circle',
      () => symlinkSync('loop', join(folder, 'train', 'loop')),
      /train\/loop: expected a folder of images, found: .*ELOOP/,
    ],
    [
      'no classes',
      () => {
        rmSync(join(folder, 'train'), { recursive: true });
        writeText(join(folder, 'train', 'x.jpg'), '');
      },
      /train: expected a folder per class, found none/,
    ],
  ])('%s', async (_, change, message) => {
    await change();
    const loading = load();
    await expect(loading).rejects.toThrow(UserError);
    await expect(loading).rejects.toThrow(message);
  });

  it('a resize below the image size', async () => {
    await expect(load({ resize: 7 })).rejects.toThrow(/resize: expected a number from 8/);
  });
});

const subset = fileURLToPath(new URL('../../../../shared/datasets/imagenet-subset', import.meta.url));

it.runIf(existsSync(subset))('opens the ImageNet subset: 1,000 + 400 images of 10 classes', async () => {
  const dataset = await loadImageFolder('imagenet', {
    dataDir: subset,
    env,
    imageSize: 56,
    onNote: (line) => expect(line).toBe(''),
  });
  expect([dataset.train.count, dataset.test.count, dataset.labels.length]).toEqual([1000, 400, 10]);
  const image = new Uint8Array(bytesOf(dataset.stored));
  await openPixels(dataset.test.pixels, dataset.stored).read(399, image);
  expect(new Set(image).size).toBeGreaterThan(20);
});
