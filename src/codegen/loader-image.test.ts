import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import sharp from 'sharp';
import { afterAll, describe, expect, it } from 'vitest';
import type { RgbaImage } from '../../templates/lcdnn.js';
import { importLoader } from '../bundle/import-loader.js';
import type { Manifest } from '../bundle/manifest.js';
import { writeBundle } from '../bundle/write-bundle.js';
import { createCentralCrop } from '../datasets/augmentation/augment.js';
import { readImage, readSquare } from '../datasets/image.js';
import type { DeviceProgram } from '../export/program.js';
import { generateBundle } from './generate-bundle.js';

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
  return (image: RgbaImage): Float32Array => model.branch(image).shared;
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
    for (const [i, value] of pixels(image).entries()) expect(value).toBeCloseTo(expected[i], 3);
  });

  it.each([
    [24, 24],
    [36, 24],
    [24, 60],
    [5, 6],
    [12, 180],
  ])('an image of %i x %i is cropped, not stretched', async (width, height) => {
    const [size, resize] = [8, 12];
    const pixels = await preprocessor({ shape: [size, size, 3], resize });
    const step = Math.min(width, height) / resize;
    const start = { x: width / 2 - (size * step) / 2, y: height / 2 - (size * step) / 2 };
    // A triangle filter keeps a slope: a pixel has the value at its centre.
    const [x, y] = [pixels(drawn(width, height, (x) => x)), pixels(drawn(width, height, (_, y) => y))];
    for (let i = 0; i < size * size; i++) {
      expect(x[3 * i]).toBeCloseTo(start.x + ((i % size) + 0.5) * step - 0.5, 3);
      expect(y[3 * i + 2]).toBeCloseTo(start.y + (Math.floor(i / size) + 0.5) * step - 0.5, 3);
    }
  });
});

it('without a resize, an image is stretched', async () => {
  const pixels = await preprocessor({ shape: [4, 4, 1] });
  const left = pixels(drawn(16, 4, (x) => x));
  expect(Array.from(left.subarray(1, 3))).toEqual([expect.closeTo(5.5, 3), expect.closeTo(9.5, 3)]);
});

const PHOTOGRAPHS = fileURLToPath(new URL('../../../shared/datasets/imagenet-subset/val', import.meta.url));

/**
 * The trainer resizes with libvips: by a Lanczos filter when shrinking, cubic when growing, and then half a pixel to the
 * side; the triangle filter of the loader is softer at edges. That makes 3.3 and 5.8 of 255 on average over these
 * photographs; what is stretched, as a check of the check, differs by 40.
 */
describe.runIf(existsSync(PHOTOGRAPHS))('photographs', () => {
  const files = readdirSync(PHOTOGRAPHS).flatMap((label) =>
    readdirSync(join(PHOTOGRAPHS, label))
      .slice(0, 2)
      .map((name) => join(PHOTOGRAPHS, label, name)),
  );
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

  it.each([
    { size: 64, resize: 80, most: 4 },
    { size: 224, resize: 256, most: 7 },
  ])('look as they were evaluated, cut to $size of $resize', async ({ size, resize, most }) => {
    const pixels = await preprocessor({ shape: [size, size, 3], resize });
    const stretched = await preprocessor({ shape: [size, size, 3] });
    const crop = createCentralCrop([resize, resize, 3], [size, size, 3]);
    const differences: { loader: number; stretched: number }[] = [];
    for (const [i, file] of files.entries()) {
      const path = join(root, 'photograph.png');
      const [width, height] = i % 2 === 0 ? [224, 160] : [160, 224];
      await sharp(file).resize(224, 224).extract({ left: 0, top: 0, width, height }).toFile(path);
      const evaluated = crop(await readSquare(path, resize));
      const image = await readImage(path);
      differences.push({
        loader: meanDifference(pixels(image), evaluated),
        stretched: meanDifference(stretched(image), evaluated),
      });
    }
    expect(mean(differences.map(({ loader }) => loader))).toBeLessThan(most);
    for (const { loader, stretched } of differences) expect(loader).toBeLessThan(stretched / 2);
  });
});
