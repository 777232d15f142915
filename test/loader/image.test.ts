import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import sharp from 'sharp';
import { afterAll, describe, expect, it } from 'vitest';
import { random } from '../../src/base/random.js';
import { importLoader } from '../../src/bundle/import-loader.js';
import type { Manifest } from '../../src/bundle/manifest.js';
import { writeBundle } from '../../src/bundle/write-bundle.js';
import { generateBundle } from '../../src/codegen/generate-bundle.js';
import { createCentralCrop } from '../../src/datasets/augmentation/augment.js';
import { readImage, readSquare } from '../../src/datasets/image.js';
import type { DeviceProgram } from '../../src/export/program.js';
import type { RgbaImage } from '../../templates/loader/lcdnn.js';

const root = mkdtempSync(join(tmpdir(), 'lcdnn-loader-image-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** What the loader makes of an image for this input, as pixel values: by a program that shares its input as it is. */
async function preprocessor(input: Pick<Manifest['input'], 'shape' | 'resize'>) {
  const [height, width, channels] = input.shape;
  const length = height * width * channels;
  const program: DeviceProgram = {
    arenaBytes: 4 * length + 32,
    constants: {},
    calls: [],
    input: { arena: 16, length },
    shared: { arena: 16, length, shape: input.shape },
    logits: { arena: 0, length: 2 },
  };
  const folder = join(root, `${Object.values(input).flat().join('-')}`);
  const draft = generateBundle(program, {
    name: 'input',
    network: 'none',
    dataset: 'none',
    input: { ...input, mean: Array(channels).fill(0), std: Array(channels).fill(1 / 255) },
    labels: ['one', 'two'],
    tau: 1,
    tail: { model: new Uint8Array(), input: 'shared', output: 'logits' },
    samples: [],
    provenance: {},
  });
  const { load } = await importLoader(folder, await writeBundle(folder, draft));
  const model = await load(pathToFileURL(`${folder}/`), { edge: false });
  return async (image: RgbaImage): Promise<Float32Array> => (await model.branch(image)).shared;
}

/** A value per pixel, in all colours. */
function drawn(width: number, height: number, value: (x: number, y: number) => number): RgbaImage {
  const pixels = Array.from({ length: width * height }, (_, i) => value(i % width, Math.floor(i / width)));
  return { width, height, data: pixels.flatMap((grey) => [grey, grey, grey, 255]) };
}

const meanDifference = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a, (value, i) => Math.abs(value - b[i])).reduce((sum, difference) => sum + difference, 0) / a.length;

describe('with a resize', () => {
  it('the middle of an image that has this size is taken as it is', async () => {
    const pixels = await preprocessor({ shape: [4, 4, 1], resize: 7 });
    const image = drawn(7, 7, (x, y) => 10 * y + x);
    const expected = Array.from({ length: 16 }, (_, i) => 10 * (1 + Math.floor(i / 4)) + (1 + (i % 4)));
    for (const [i, value] of (await pixels(image)).entries()) expect(value).toBeCloseTo(expected[i], 3);
  });

  it.each([
    [24, 24],
    [36, 24],
    [24, 60],
    [12, 180],
  ])('an image of %i x %i is cropped, not stretched', async (width, height) => {
    const [size, resize] = [8, 12];
    const pixels = await preprocessor({ shape: [size, size, 3], resize });
    const step = Math.min(width, height) / resize;
    const start = { x: width / 2 - (size * step) / 2, y: height / 2 - (size * step) / 2 };
    // The filters keep a slope, up to whole levels: a pixel has the value at its centre.
    const x = await pixels(drawn(width, height, (x) => x));
    const y = await pixels(drawn(width, height, (_, y) => y));
    for (let i = 0; i < size * size; i++) {
      expect(Math.abs(x[3 * i] - (start.x + ((i % size) + 0.5) * step - 0.5))).toBeLessThanOrEqual(1);
      expect(Math.abs(y[3 * i + 2] - (start.y + (Math.floor(i / size) + 0.5) * step - 0.5))).toBeLessThanOrEqual(1);
    }
  });
});

it('without a resize, an image is stretched', async () => {
  const pixels = await preprocessor({ shape: [4, 4, 1] });
  const left = await pixels(drawn(16, 4, (x) => 10 * x));
  expect(Array.from(left.subarray(1, 3))).toEqual([55, 95]);
});

/** As detailed as a photograph: noise on scales from single pixels to the whole, each as strong as it is coarse. */
async function generated(path: string, width: number, height: number, seed: number): Promise<void> {
  const next = random(seed);
  const levels = new Float32Array(width * height * 3);
  for (let scale = 1; scale <= 64; scale *= 2) {
    const [columns, rows] = [Math.ceil(width / scale) + 1, Math.ceil(height / scale) + 1];
    const coarse = Uint8Array.from({ length: columns * rows * 3 }, () => 256 * next());
    const grown = await sharp(coarse, { raw: { width: columns, height: rows, channels: 3 } })
      .resize(width, height, { fit: 'fill' })
      .raw()
      .toBuffer();
    for (let i = 0; i < levels.length; i++) levels[i] += (scale * (grown[i] - 128)) / 64;
  }
  const pixels = Uint8ClampedArray.from(levels, (level) => 128 + level);
  await sharp(pixels, { raw: { width, height, channels: 3 } }).toFile(path);
}

const PHOTOGRAPHS = fileURLToPath(new URL('../../../shared/datasets/imagenet-subset/val', import.meta.url));

/** Photographs of `width` x `height`: those of a folder where it is there, and generated ones everywhere. */
async function photographs(width: number, height: number): Promise<string[]> {
  const found = existsSync(PHOTOGRAPHS)
    ? readdirSync(PHOTOGRAPHS).map((label) => join(PHOTOGRAPHS, label, readdirSync(join(PHOTOGRAPHS, label))[0]))
    : [];
  return Promise.all(
    Array.from({ length: found.length + 2 }, async (_, i) => {
      const path = join(root, `${width}-${height}-${i}.png`);
      if (found[i]) await sharp(found[i]).resize(width, height, { fit: 'cover' }).toFile(path);
      else await generated(path, width, height, i);
      return path;
    }),
  );
}

/**
 * The trainer resizes by libvips (`readSquare`). The loader has the same filters, but libvips computes with weights of
 * 6 bits or so, rounds averaged blocks to whole levels, and enlarges in another way. That makes 0.04 to 1.4 of 255 on average; 1.5
 * is allowed. Where the crop is off by one pixel it is 3 to 7.
 */
describe('photographs', () => {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

  it.each([
    { width: 224, height: 160, size: 64, resize: 80 },
    { width: 160, height: 224, size: 224, resize: 256 },
    { width: 375, height: 500, size: 224, resize: 256 },
    { width: 501, height: 333, size: 64, resize: 73 },
    { width: 600, height: 800, size: 56, resize: 64 },
  ])('of $width x $height look as they were evaluated, cut to $size of $resize', async (given) => {
    const { width, height, size, resize } = given;
    const pixels = await preprocessor({ shape: [size, size, 3], resize });
    const crop = createCentralCrop([resize, resize, 3], [size, size, 3]);
    const differences: number[] = [];
    for (const path of await photographs(width, height)) {
      const evaluated = crop(await readSquare(path, resize));
      differences.push(meanDifference(await pixels(await readImage(path)), evaluated));
    }
    expect(mean(differences)).toBeLessThan(1.5);
    expect(Math.max(...differences)).toBeLessThan(4);
  });
});

it('the page’s resizer refuses the kernels of an earlier export', async () => {
  const { openResizer } = await import('../../templates/loader/lcdnn-resize.js' as string);
  const earlier = readFileSync(new URL('../fixtures/version-0.1/bundle/lcdnn-scalar.wasm', import.meta.url));
  const opening = openResizer(new WebAssembly.Module(earlier), { shape: [4, 4, 1] });
  await expect(opening).rejects.toThrow('expected kernels of this export; reload the page');
});
