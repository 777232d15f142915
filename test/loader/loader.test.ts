import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { readKernels } from '../../kernels/harness.js';
import { importLoader } from '../../src/bundle/import-loader.js';
import { pageManifest } from '../../src/bundle/manifest.js';
import type { Bundle } from '../../src/bundle/read-bundle.js';
import { openTail, type Tail } from '../../src/edge/tail.js';
import { instantiate } from '../../src/export/run-wasm.js';
import { entropies } from '../../src/tau/entropy.js';
import type { EdgeFunction, LoadOptions, Model } from '../../templates/loader/lcdnn.js';
import { LABELS, largest, program, SIZE, tinyBundle, tinyImages } from '../tiny-bundle.js';

readKernels('relaxed-simd'); // so that this process compiles it

const root = mkdtempSync(join(tmpdir(), 'lcdnn-loader-'));
const folder = join(root, 'bundle');
const base = pathToFileURL(`${folder}/`);
let bundle: Bundle;
let tail: Tail;
let load: (base: URL, options?: LoadOptions) => Promise<Model>;

beforeAll(async () => {
  bundle = await tinyBundle(folder);
  tail = await openTail(bundle);
  ({ load } = await importLoader(folder, bundle.manifest));
});
afterAll(async () => {
  await tail?.close();
  rmSync(root, { recursive: true, force: true });
});

const images = tinyImages(24);
/** A pixel value as the network sees it. */
const normalised = (value: number) => (value / 255 - 0.5) / 0.25;

describe('the loader in Node', () => {
  it.each([
    ['lcdnn-relaxed-simd.wasm', { simd: true, relaxedSimd: true }],
    ['lcdnn-simd.wasm', { simd: true, relaxedSimd: false }],
    ['lcdnn-scalar.wasm', { simd: false, relaxedSimd: false }],
  ])('runs the device program to the bit in %s', async (file, build) => {
    const wasm = new Uint8Array(bundle.files.get(file)!);
    const oracle = instantiate(program, wasm);
    const model = await load(base, build);
    expect(model).toMatchObject({ ...build, verified: true, tau: 0.5, manifest: pageManifest(bundle.manifest) });
    for (const image of images) expect(await model.branch(image)).toEqual(oracle.run(image));
  });

  it('computes the entropy at the temperature of the manifest, and probabilities without it', async () => {
    const sharp = join(root, 'sharp');
    const { manifest } = await tinyBundle(sharp, { entropyTemperature: 0.5 });
    expect(manifest.version).not.toBe(bundle.manifest.version);
    const model = await (await importLoader(sharp, manifest)).load(pathToFileURL(`${sharp}/`));
    const plain = await load(base);
    for (const image of images) {
      const { logits, probabilities, entropy } = await model.branch(image);
      expect({ logits, probabilities }).toMatchObject({
        logits: (await plain.branch(image)).logits,
        probabilities: (await plain.branch(image)).probabilities,
      });
      expect(entropy).toBeCloseTo(entropies(logits, LABELS.length, 0.5)[0], 6);
      expect(entropy).toBeLessThan((await plain.branch(image)).entropy);
    }
  });

  it('answers below the threshold itself, and gives the rest to the edge', async () => {
    const plain = await load(base);
    const runs = await Promise.all(images.map((image) => plain.branch(image)));
    const entropies = runs.map(({ entropy }) => entropy).sort((a, b) => a - b);
    const tau = entropies[images.length / 2];
    const asked: number[][] = [];
    const edge: EdgeFunction = (tensor, shape) => {
      asked.push(shape);
      return tail.infer(tensor, 1);
    };
    const model = await load(base, { edge, tau });
    for (const image of images) {
      const own = await model.branch(image);
      const answer = await model.classify(image);
      const sure = own.entropy < tau;
      const best = largest(sure ? own.logits : await tail.infer(own.shared, 1));
      const expected = { index: best, label: LABELS[best], by: sure ? 'branch' : 'edge', unsure: false };
      expect(answer).toMatchObject({ ...expected, entropy: own.entropy });
      expect(answer.probabilities.reduce((sum, p) => sum + p)).toBeCloseTo(1, 5);
    }
    expect(asked).toEqual(Array(images.length / 2).fill([1, ...bundle.manifest.tail.shape]));
  });

  it('keeps answers apart that are asked for at once', async () => {
    const model = await load(base, { edge: (tensor) => tail.infer(tensor, 1), tau: 0 });
    const together = await Promise.all(images.map((image) => model.classify(image)));
    for (const [i, image] of images.entries()) {
      expect(together[i].probabilities).toEqual((await model.classify(image)).probabilities);
    }
  });

  it('rejects where the caller gives up, and after it is disposed of', async () => {
    const model = await load(base, { edge: () => new Promise(() => {}), tau: 0 });
    const stop = new AbortController();
    const answer = model.classify(images[0], { signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(answer).rejects.toThrow('enough');
    await expect(model.classify(images[0], { signal: stop.signal })).rejects.toThrow('enough');
    model.dispose();
    await expect(model.classify(images[0])).rejects.toThrow('disposed of');
  });
});

describe('an image', () => {
  const grey = Uint8Array.from({ length: SIZE * SIZE }, (_, i) => (i * 37) % 256);
  const rgba = (pixels: ArrayLike<number>, width = SIZE, height = SIZE, opacity = 255) => ({
    width,
    height,
    data: Uint8ClampedArray.from(Array.from(pixels).flatMap((value) => [value, value, value, opacity])),
  });
  let model: Model;
  beforeAll(async () => {
    model = await load(base, { edge: false });
  });

  it('means the same as pixels, as RGBA and normalised', async () => {
    const expected = await model.branch(Float32Array.from(grey, normalised));
    expect(await model.branch(grey)).toEqual(expected);
    expect(await model.branch(new Uint8ClampedArray(grey))).toEqual(expected);
    expect(await model.branch(rgba(grey))).toEqual(expected);
  });

  it('is laid on black where it is transparent', async () => {
    expect(await model.branch(rgba(grey, SIZE, SIZE, 0))).toEqual(await model.branch(new Uint8Array(grey.length)));
  });

  it('is brought to the size of the network, both ways', async () => {
    const expected = await model.branch(new Uint8Array(SIZE * SIZE).fill(200));
    for (const [width, height] of [
      [1, 1],
      [7, 40],
      [100, 3],
    ]) {
      const found = await model.branch(rgba(Array(width * height).fill(200), width, height));
      for (const [i, logit] of expected.logits.entries()) expect(found.logits[i]).toBeCloseTo(logit, 4);
    }
    const doubled = Array.from({ length: 4 * SIZE * SIZE }, (_, i) => (i % (2 * SIZE) < SIZE ? 0 : 255));
    const halves = Uint8Array.from({ length: SIZE * SIZE }, (_, i) => (i % SIZE < SIZE / 2 ? 0 : 255));
    const { shared } = await model.branch(rgba(doubled, 2 * SIZE, 2 * SIZE));
    // Away from the step in the middle, which the filter softens, and about which it rings a little.
    const [rows, columns, channels] = bundle.manifest.tail.shape;
    const wanted = (await model.branch(halves)).shared;
    for (let row = 0; row < rows; row++) {
      for (const column of [0, columns - 1]) {
        const at = (row * columns + column) * channels;
        expect(shared[at]).toBeCloseTo(wanted[at], 1);
      }
    }
  });

  it.each<[string, () => Parameters<Model['branch']>[0], RegExp]>([
    ['too few pixels', () => grey.subarray(1), /^image: expected 16 x 16 x 1 values, found 255$/],
    ['too many values', () => new Float32Array(257), /^image: expected 16 x 16 x 1 values, found 257$/],
    ['NaN', () => new Float32Array(256).fill(Number.NaN), /^image: expected finite values, found NaN or Infinity$/],
    [
      'RGBA that is too short',
      () => ({ ...rgba(grey), width: 17 }),
      /^image: expected 17 x 16 RGBA pixels, found 1024/,
    ],
    ['RGBA of no size', () => ({ width: 0, height: 0, data: [] }), /^image: expected 0 x 0 RGBA pixels/],
    [
      'an object that is none',
      () => ({}) as never,
      /^image: expected pixels, or a picture that is loaded, found \[object Object\]/,
    ],
    ['nothing', () => undefined as never, /^image: expected pixels, .* found undefined/],
  ])('is refused with %s', async (_, image, reason) => {
    await expect(model.branch(image())).rejects.toThrow(reason);
    await expect(model.classify(image())).rejects.toThrow(reason);
  });
});

describe('files of a bundle', () => {
  const own = join(root, 'other');
  const there = pathToFileURL(`${own}/`);
  const write = (file: string, content: string | Uint8Array) => writeFileSync(join(own, file), content);
  const edit = (change: (manifest: Bundle['manifest']) => unknown) =>
    write('manifest.json', JSON.stringify(change(bundle.manifest)));
  beforeEach(async () => {
    rmSync(own, { recursive: true, force: true });
    await tinyBundle(own);
  });
  afterEach(() => vi.unstubAllGlobals());

  it.each([
    ['weights.safetensors', {}],
    ['lcdnn-relaxed-simd.wasm', { relaxedSimd: true }],
    ['lcdnn-simd.wasm', { relaxedSimd: false }],
    ['lcdnn-scalar.wasm', { simd: false }],
  ])('that were changed are refused by name: %s', async (file, build) => {
    const whole = bundle.files.get(file)!;
    for (const place of [0, whole.length >> 1, whole.length - 1]) {
      const changed = Buffer.from(whole);
      changed[place] ^= 1;
      write(file, changed);
      await expect(load(there, build)).rejects.toThrow(`${file}: expected sha256 `);
    }
    write(file, whole);
    appendFileSync(join(own, file), 'x');
    await expect(load(there, build)).rejects.toThrow(
      `${file}: expected ${whole.length} bytes, found ${whole.length + 1}; the bundle was changed or damaged`,
    );
    rmSync(join(own, file));
    await expect(load(there, build)).rejects.toThrow(file);
  });

  it.each<[string, () => void, RegExp]>([
    ['of another format', () => edit((m) => ({ ...m, format: 1 })), /manifest\.json: expected format 2, found 1$/],
    ['without a format', () => write('manifest.json', 'null'), /manifest\.json: expected format 2, found none$/],
    ['that is no JSON', () => write('manifest.json', '{"format":2'), /manifest\.json: expected format 2, found none$/],
    [
      'without files',
      () => edit((m) => ({ ...m, files: undefined })),
      /^(lcdnn-\S*simd\.wasm|weights\.safetensors): expected .*damaged/,
    ],
    [
      'without hashes',
      () => edit((m) => ({ ...m, files: sized(m) })),
      /^(lcdnn-\S*simd\.wasm|weights\.safetensors): expected sha256 .*damaged/,
    ],
  ])('are refused with a manifest %s', async (_, damage, reason) => {
    damage();
    await expect(load(there)).rejects.toThrow(reason);
  });
  const sized = ({ files }: Bundle['manifest']) =>
    Object.fromEntries(Object.entries(files).map(([path, { bytes }]) => [path, { bytes }]));

  it('are known by their size alone where the page has no crypto.subtle', async () => {
    vi.stubGlobal('crypto', {});
    expect((await load(there)).verified).toBe(false);
    appendFileSync(join(own, 'weights.safetensors'), 'x');
    await expect(load(there)).rejects.toThrow('weights.safetensors: expected');
  });

  it('with any damage to the header of the weights are refused by name, or give the tensors that were asked for', async () => {
    vi.stubGlobal('crypto', {});
    const whole = bundle.files.get('weights.safetensors')!;
    const header = 8 + Number(whole.readBigUInt64LE(0));
    const byte = fc.tuple(fc.nat(header - 1), fc.nat(255));
    await fc.assert(
      fc.asyncProperty(fc.array(byte, { minLength: 1, maxLength: 3 }), async (changes) => {
        const damaged = Buffer.from(whole);
        for (const [place, value] of changes) damaged[place] = value;
        write('weights.safetensors', damaged);
        const reason = await load(there).then(
          () => 'weights.safetensors: fine',
          (thrown: Error) => thrown.message,
        );
        expect(reason).toMatch(/^weights\.safetensors: [^\n]*$/);
      }),
      { numRuns: 60 },
    );
  });

  it('make a package that is found by its name', () => {
    mkdirSync(join(root, 'node_modules'));
    symlinkSync(own, join(root, 'node_modules', 'tiny'));
    const require = createRequire(join(root, 'index.js'));
    expect(readFileSync(require.resolve('tiny'))).toEqual(bundle.files.get('lcdnn.js'));
    expect(readFileSync(require.resolve('tiny/weights.safetensors'))).toEqual(bundle.files.get('weights.safetensors'));
  });
});
