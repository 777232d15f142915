import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { importLoader } from '../../src/bundle/import-loader.js';
import type { Image, Model } from '../../templates/loader/lcdnn.js';
import { SIZE, tinyBundle } from '../tiny-bundle.js';

// What a page may hand over as an image: the right answer, or an error that names its type. Never a change to the caller's memory.

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-image-types-'));
const COUNT = SIZE * SIZE;
const levels = Array.from({ length: COUNT }, (_, i) => (i * 37) % 256);
/** Exact in half precision. */
const fractions = levels.map((level) => Math.round(level / 8) / 16 - 1);
const rgba = levels.flatMap((level) => [level, level, level, 255]);
let model: Model;
let ofLevels: Float32Array;
let ofFractions: Float32Array;

beforeAll(async () => {
  const { manifest } = await tinyBundle(folder);
  const { load } = await importLoader(folder, manifest);
  model = await load(pathToFileURL(`${folder}/`), { edge: false });
  ofLevels = (await model.branch(Uint8Array.from(levels))).logits;
  ofFractions = (await model.branch(Float32Array.from(fractions))).logits;
});
afterAll(() => {
  vi.unstubAllGlobals();
  rmSync(folder, { recursive: true, force: true });
});

const logits = async (image: unknown) => (await model.branch(image as Image)).logits;
/** A value of another realm, as of an iframe. */
const elsewhere = (code: string): unknown => runInNewContext(code, { levels, fractions, rgba });
const shared = (bytes: ArrayLike<number>): Uint8Array => {
  const view = new Uint8Array(new SharedArrayBuffer(bytes.length));
  view.set(bytes);
  return view;
};
const growing = (bytes: ArrayLike<number>): Uint8Array => {
  // The types of this version of TypeScript's library don't have the option.
  const options = [bytes.length, { maxByteLength: 2 * bytes.length }] as unknown as [number];
  const view = new Uint8Array(new ArrayBuffer(...options));
  view.set(bytes);
  return view;
};
const detached = <T extends Uint8Array | Float32Array>(view: T): T => {
  structuredClone(view, { transfer: [view.buffer as ArrayBuffer] });
  return view;
};

describe('levels', () => {
  it.each<[string, () => unknown]>([
    ['a Uint8ClampedArray', () => Uint8ClampedArray.from(levels)],
    ['a pooled Buffer', () => Buffer.from(levels)],
    ['a part of a buffer', () => Uint8Array.from([9, 9, ...levels, 9]).subarray(2, 2 + COUNT)],
    ['shared memory', () => shared(levels)],
    ['memory that can grow', () => growing(levels)],
    ['a Uint8Array of another realm', () => elsewhere('Uint8Array.from(levels)')],
    ['RGBA', () => ({ width: SIZE, height: SIZE, data: Uint8ClampedArray.from(rgba) })],
    ['RGBA in a list', () => ({ width: SIZE, height: SIZE, data: rgba })],
    ['RGBA in shared memory', () => ({ width: SIZE, height: SIZE, data: shared(rgba) })],
    [
      'RGBA of another realm',
      () => elsewhere(`({ width: ${SIZE}, height: ${SIZE}, data: Uint8ClampedArray.from(rgba) })`),
    ],
    ['a list of RGBA of another realm', () => elsewhere(`({ width: ${SIZE}, height: ${SIZE}, data: rgba.slice() })`)],
  ])('may be %s', async (_, make) => {
    const image = make();
    const before = JSON.stringify(image);
    expect(await logits(image)).toEqual(ofLevels);
    expect(JSON.stringify(image)).toBe(before);
  });
});

describe('normalised values', () => {
  it.each<[string, () => unknown]>([
    ['a Float64Array', () => Float64Array.from(fractions)],
    ['a Float32Array of another realm', () => elsewhere('Float32Array.from(fractions)')],
    ['a Float64Array of another realm', () => elsewhere('Float64Array.from(fractions)')],
    ['a part of a buffer', () => Float32Array.from([9, ...fractions, 9]).subarray(1, 1 + COUNT)],
  ])('may be %s', async (_, make) => {
    expect(await logits(make())).toEqual(ofFractions);
  });
});

const size = { width: SIZE, height: SIZE };
it.each<[string, () => unknown, RegExp]>([
  ['an Int8Array', () => Int8Array.from(levels), /found a Int8Array$/],
  ['an Int16Array', () => Int16Array.from(levels), /found a Int16Array$/],
  ['a Uint16Array', () => Uint16Array.from(levels), /found a Uint16Array$/],
  ['a Uint32Array', () => Uint32Array.from(levels), /found a Uint32Array$/],
  ['a BigUint64Array', () => new BigUint64Array(COUNT), /found a BigUint64Array$/],
  ['a detached array', () => detached(Uint8Array.from(levels)), /expected 16 x 16 x 1 values, found 0$/],
  [
    'detached RGBA',
    () => ({ ...size, data: detached(Uint8Array.from(rgba)) }),
    /expected 16 x 16 RGBA pixels, found 0$/,
  ],
  ['a DataView', () => new DataView(new ArrayBuffer(COUNT)), /found a DataView$/],
  ['an ArrayBuffer', () => new ArrayBuffer(COUNT), /found \[object ArrayBuffer\]/],
  ['a list', () => levels, /found \[object Array\]/],
  ['a text', () => 'x'.repeat(1e6), /found x{60} /],
  ['a text of many lines', () => 'a\nb', /found a b /],
  ['a function', () => () => {}, /found \[object Function\]/],
  ['a symbol', () => Symbol('x'), /found Symbol\(x\)/],
  ['an infinite value', () => Float64Array.from(fractions).fill(1e300), /found NaN or Infinity$/],
  ['RGBA in a Uint16Array', () => ({ ...size, data: Uint16Array.from(rgba) }), /found a Uint16Array$/],
  ['RGBA in a Float32Array', () => ({ ...size, data: Float32Array.from(rgba) }), /found a Float32Array$/],
  ['RGBA with NaN', () => ({ ...size, data: rgba.with(9, Number.NaN) }), /expected finite values, found NaN$/],
  ['RGBA with texts', () => ({ ...size, data: rgba.map(String) }), /expected finite values, found 0$/],
  ['half a pixel', () => ({ width: 0.5, height: 2, data: [1, 2, 3, 4] }), /expected 0.5 x 2 RGBA pixels, found 4$/],
  ['a size in texts', () => ({ width: '1', height: '1', data: [1, 2, 3, 4] }), /expected 1 x 1 RGBA pixels, found 4$/],
  ['a negative size', () => ({ width: -1, height: -1, data: [1, 2, 3, 4] }), /expected -1 x -1 RGBA pixels, found 4$/],
])('refuses %s in one short line', async (_, make, reason) => {
  const message = await logits(make()).then(
    () => 'no error',
    (thrown: Error) => thrown.message,
  );
  expect(message).toMatch(/^image: [^\n]{1,300}$/);
  expect(message).toMatch(reason);
});

it('names an option that makes no sense, in one short line', async () => {
  const image = Uint8Array.from(levels);
  const long = 'x'.repeat(1e5) as never;
  const reasons = await Promise.all(
    [model.classify(image, { edge: long }), model.branch(image, long)].map((promise) =>
      promise.then(
        () => 'no error',
        (thrown: Error) => thrown.message,
      ),
    ),
  );
  for (const reason of reasons) expect(reason).toMatch(/^(edge|exit): expected [^\n]{1,140}$/);
});
