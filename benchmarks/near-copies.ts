import { readdirSync } from 'node:fs';
import { extname, join } from 'node:path';
import { parseArgs } from 'node:util';
import sharp, { type Sharp } from 'sharp';
import { evenSample } from '../src/datasets/even-sample.js';
import { decodeSquare, readImageFile } from '../src/datasets/image.js';
import { findNearCopies } from '../src/datasets/near-copies/find-near-copies.js';
import { type Fingerprint, fingerprint } from '../src/datasets/near-copies/fingerprint.js';

/**
 * Precision and recall of `lcdnn data check` on planted near-copies: of COUNT images of a folder one copy each is added,
 * resized, recompressed, mirrored, brightened or cropped, and every pair that is found counts. Time is compared with
 * decoding the images.
 *
 * Usage: tsx benchmarks/near-copies.ts FOLDER [--count 400]
 */
const { positionals, values } = parseArgs({ allowPositionals: true, options: { count: { type: 'string' } } });
const SIDE = 256;

type Size = { readonly width: number; readonly height: number };

const part = (image: Sharp, { width, height }: Size, x: number, y: number): Sharp => {
  const [w, h] = [Math.round(0.95 * width), Math.round(0.95 * height)];
  return image.extract({ left: Math.round(x * (width - w)), top: Math.round(y * (height - h)), width: w, height: h });
};

const COPIES: Readonly<Record<string, (image: Sharp, size: Size) => Sharp>> = {
  'resized to half': (image, { width }) => image.resize(Math.round(width / 2)),
  'recompressed, JPEG quality 40': (image) => image.jpeg({ quality: 40 }),
  mirrored: (image) => image.flop(),
  'brighter by 15 %': (image) => image.modulate({ brightness: 1.15 }),
  'cropped by 5 %, from the middle': (image, size) => part(image, size, 0.5, 0.5),
  'cropped by 5 %, from a corner': (image, size) => part(image, size, 0, 1),
  'cropped by 5 %, anywhere': (image, size) => part(image, size, (size.width % 10) / 10, (size.height % 7) / 7),
  'mirrored, cropped from the middle, recompressed': (image, size) =>
    part(image, size, 0.5, 0.5).flop().jpeg({ quality: 60 }),
};

const [folder] = positionals;
const paths = (readdirSync(folder, { recursive: true }) as string[])
  .filter((path) => ['.jpg', '.jpeg', '.png'].includes(extname(path).toLowerCase()))
  .sort();
const chosen = evenSample(paths, Number(values.count ?? 400));

const began = performance.now();
const squares: Uint8Array[] = [];
for (const path of chosen) squares.push(await decodeSquare(await readImageFile(join(folder, path)), path, SIDE));
const decoded = performance.now();
const originals = squares.map((square) => fingerprint(square, [SIDE, SIDE, 3]));
const known = findNearCopies(originals);
const found = performance.now();
console.log(
  `${chosen.length} images: decoded in ${seconds(decoded - began)} s, compared in ${seconds(found - decoded)} s; ` +
    `${known.length} pairs among the originals`,
);
for (const { first, second, distance } of known) console.log(`  ${chosen[first]} = ${chosen[second]} (${distance})`);

for (const [name, change] of Object.entries(COPIES)) {
  const copies: Fingerprint[] = [];
  for (const path of chosen) {
    const image = await sharp(await readImageFile(join(folder, path)))
      .autoOrient()
      .png()
      .toBuffer({ resolveWithObject: true });
    const bytes = await change(sharp(image.data), image.info).toBuffer();
    copies.push(fingerprint(await decodeSquare(bytes, path, SIDE), [SIDE, SIDE, 3]));
  }
  const pairs = findNearCopies([...originals, ...copies]);
  const isPlanted = (first: number, second: number) => second - first === chosen.length;
  const right = pairs.filter(({ first, second }) => isPlanted(first, second)).length;
  const other = pairs.length - right;
  console.log(
    `${name}: recall ${percent(right / chosen.length)}, precision ${percent(right / (right + other))} (${other} other pairs)`,
  );
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(1);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
