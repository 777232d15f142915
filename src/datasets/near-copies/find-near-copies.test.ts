import sharp, { type Sharp } from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { random } from '../../base/random.js';
import { findNearCopies } from './find-near-copies.js';
import { decodeFingerprint, encodeFingerprint, type Fingerprint, fingerprint } from './fingerprint.js';

const SIDE = 96;

/** A picture of random ellipses on a random background. */
function picture(seed: number): Buffer {
  const next = random(seed);
  const colour = () => `rgb(${[0, 0, 0].map(() => Math.floor(256 * next())).join()})`;
  const ellipse = () =>
    `<ellipse cx="${160 * next()}" cy="${120 * next()}" rx="${10 + 50 * next()}" ry="${10 + 40 * next()}" fill="${colour()}"/>`;
  const shapes = Array.from({ length: 12 }, ellipse).join('');
  return Buffer.from(
    `<svg width="160" height="120"><rect width="160" height="120" fill="${colour()}"/>${shapes}</svg>`,
  );
}

const of = async (image: Buffer): Promise<Fingerprint> => {
  const pixels = await sharp(image).resize(SIDE, SIDE, { fit: 'cover' }).removeAlpha().raw().toBuffer();
  return fingerprint(pixels, [SIDE, SIDE, 3]);
};

const COUNT = 60;
let pictures: Buffer[];
let originals: Fingerprint[];

beforeAll(async () => {
  pictures = await Promise.all(
    Array.from({ length: COUNT }, (_, i) =>
      sharp(picture(i + 1))
        .png()
        .toBuffer(),
    ),
  );
  originals = await Promise.all(pictures.map(of));
});

it('finds nothing among different pictures', () => {
  expect(findNearCopies(originals)).toEqual([]);
});

describe('finds nearly every copy, and nothing else:', () => {
  it.each<[string, (image: Sharp) => Sharp, number]>([
    ['the same', (image) => image, 1],
    ['resized', (image) => image.resize(70), 1],
    ['recompressed', (image) => image.jpeg({ quality: 40 }), 1],
    ['mirrored', (image) => image.flop(), 0.95],
    ['cropped by 5 %, from the middle', (image) => image.extract({ left: 4, top: 3, width: 152, height: 114 }), 0.9],
    ['cropped by 5 %, from a corner', (image) => image.extract({ left: 8, top: 0, width: 152, height: 114 }), 0.9],
  ])('%s', async (_, change, recall) => {
    const copies = await Promise.all(pictures.map(async (image) => of(await change(sharp(image)).toBuffer())));
    const pairs = findNearCopies([...originals, ...copies]);
    expect(pairs.filter(({ first, second }) => second - first !== COUNT)).toEqual([]);
    expect(pairs.length).toBeGreaterThanOrEqual(recall * COUNT);
  });
});

it('survives being stored as text', () => {
  const stored = originals.map((original) => decodeFingerprint(encodeFingerprint(original)));
  const pairs = findNearCopies([...originals, ...stored]);
  expect(pairs.map(({ first, second }) => second - first)).toEqual(Array(COUNT).fill(COUNT));
  for (const { distance } of pairs) expect(distance).toBeLessThan(6);
});

it('takes images of one colour for copies only if the colour is about the same', () => {
  const plain = ([r, g, b]: number[]) =>
    fingerprint(
      Uint8Array.from({ length: 300 }, (_, i) => [r, g, b][i % 3]),
      [10, 10, 3],
    );
  const pairs = findNearCopies([plain([0, 0, 0]), plain([5, 5, 5]), plain([200, 0, 0]), plain([0, 0, 200])]);
  expect(pairs.map(({ first, second }) => [first, second])).toEqual([[0, 1]]);
});

it.each([
  [28, 28, 1],
  [32, 32, 3],
  [17, 40, 3],
] as const)('takes images of %sx%sx%s pixels', (height, width, channels) => {
  const pixels = Uint8Array.from({ length: height * width * channels }, (_, i) => (i * 7919) % 256);
  expect(fingerprint(pixels, [height, width, channels]).coefficients.every(Number.isFinite)).toBe(true);
});
