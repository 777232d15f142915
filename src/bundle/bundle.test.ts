import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { SIZE, tinyBundle, tinyDraft } from '../../test/tiny-bundle.js';
import { UserError } from '../base/errors.js';
import { sha256 } from '../base/hash.js';
import { type Manifest, pageManifest, versionOf } from './manifest.js';
import { readBundle, readManifest } from './read-bundle.js';
import { writeBundle } from './write-bundle.js';

const root = mkdtempSync(join(tmpdir(), 'lcdnn-bundle-'));
const folder = join(root, 'bundle');
afterAll(() => rmSync(root, { recursive: true, force: true }));
beforeEach(() => rmSync(folder, { recursive: true, force: true }));

describe('a bundle', () => {
  it('is read as it was written', async () => {
    const draft = tinyDraft();
    const manifest = await writeBundle(folder, draft);
    const read = readBundle(folder);
    expect(read.manifest).toEqual(manifest);
    const listed = readFileSync(join(folder, 'files.json'));
    expect(new Map([...read.files].sort())).toEqual(
      new Map(
        [...draft.files, ['files.json', listed] as const]
          .map(([path, bytes]) => [path, Buffer.from(bytes)] as const)
          .sort(),
      ),
    );
  });

  it('lists the files that no page verifies in a file of their own', async () => {
    const { files } = await writeBundle(folder, tinyDraft());
    const [manifest, others] = ['manifest.json', 'files.json'].map((file) =>
      JSON.parse(readFileSync(join(folder, file), 'utf8')),
    );
    const builds = ['lcdnn-relaxed-simd.wasm', 'lcdnn-scalar.wasm', 'lcdnn-simd.wasm'];
    expect(Object.keys(manifest.files).sort()).toEqual(['files.json', ...builds, 'weights.safetensors']);
    expect({ ...others, ...manifest.files }).toEqual(files);
  });

  it('has a version that follows what it answers, not how it came to be', async () => {
    const version = async (draft: ReturnType<typeof tinyDraft>) => (await writeBundle(folder, draft)).version;
    const draft = tinyDraft();
    const first = await version(draft);
    const provenance = { ...draft, manifest: { ...draft.manifest, provenance: { seed: 2 } } };
    expect(await version(provenance)).toBe(first);
    expect(await version(tinyDraft({ tau: 0.25 }))).not.toBe(first);
    const { input } = draft.manifest;
    expect(await version(tinyDraft({ input: { ...input, resize: undefined } }))).toBe(first);
    expect(await version(tinyDraft({ input: { ...input, resize: 18 } }))).not.toBe(first);
  });

  it('that fails its check leaves the older one and nothing else', async () => {
    const { manifest } = await tinyBundle(folder);
    const failing = writeBundle(folder, tinyDraft({ tau: 0.1 }), async (temporary) => {
      expect(readManifest(temporary).tau).toBe(0.1);
      throw new Error('not good');
    });
    await expect(failing).rejects.toThrow('not good');
    expect(readBundle(folder).manifest).toEqual(manifest);
    expect(readdirSync(root)).toEqual(['bundle']);
  });

  it('replaces an older one, all of it', async () => {
    await tinyBundle(folder);
    const draft = tinyDraft();
    const files = new Map([...draft.files].filter(([path]) => path !== 'demo/demo.css'));
    await writeBundle(folder, { ...draft, files });
    expect(existsSync(join(folder, 'demo/demo.css'))).toBe(false);
    expect(readdirSync(root)).toEqual(['bundle']);
  });

  it('never replaces a folder with a file that is not its own', async () => {
    await tinyBundle(folder);
    writeFileSync(join(folder, 'notes.txt'), 'mine');
    await expect(tinyBundle(folder)).rejects.toThrow(/found notes\.txt, which belongs to neither/);
    expect(readFileSync(join(folder, 'notes.txt'), 'utf8')).toBe('mine');
  });
});

it('with several exits has a threshold for each', async () => {
  const { manifest } = await tinyBundle(folder, { tau: [0.5, 0.25, 0] });
  expect(manifest.tau).toEqual([0.5, 0.25, 0]);
  expect(manifest.tail.shape).toEqual([500]);
  expect(() => tinyDraft({ tau: [0.5, 0.25] })).toThrow('tau: expected 2 exits, the program has 3');
});

describe('reading a bundle', () => {
  const entry = { bytes: 1, sha256: '0'.repeat(64) };
  const without = (object: object, name: string) =>
    Object.fromEntries(Object.entries(object).filter(([key]) => key !== name));
  const resized = (manifest: Manifest, resize: unknown) => ({ ...manifest, input: { ...manifest.input, resize } });

  it('names any file with a flipped bit, wherever it is', async () => {
    const { files } = await tinyBundle(folder);
    const paths = [...files.keys()];
    fc.assert(
      fc.property(fc.constantFrom(...paths), fc.nat(), fc.nat(7), (path, place, bit) => {
        const whole = files.get(path)!;
        const changed = Buffer.from(whole);
        changed[place % whole.length] ^= 1 << bit;
        writeFileSync(join(folder, path), changed);
        expect(() => readBundle(folder)).toThrow(`${path}: expected sha256`);
        writeFileSync(join(folder, path), whole);
      }),
      { numRuns: 50 },
    );
    expect(readBundle(folder).files.size).toBe(paths.length);
  });

  it('names a file that grew, shrank or went', async () => {
    const { files } = await tinyBundle(folder);
    const path = join(folder, 'weights.safetensors');
    appendFileSync(path, 'x');
    expect(() => readBundle(folder)).toThrow(/weights\.safetensors: expected \d+ bytes, found \d+/);
    writeFileSync(path, files.get('weights.safetensors')!.subarray(0, 100));
    expect(() => readBundle(folder)).toThrow(/weights\.safetensors: expected \d+ bytes, found 100/);
    rmSync(path);
    expect(() => readBundle(folder)).toThrow(/weights\.safetensors/);
  });

  it.each<[string, (manifest: Manifest) => object, RegExp]>([
    ['another format', (m) => ({ ...m, format: 3 }), /format/],
    ['the format of earlier versions', (m) => ({ ...m, format: 1 }), /expected version/],
    ['no labels', (m) => without(m, 'labels'), /labels/],
    ['a threshold above 1', (m) => ({ ...m, tau: 1.5 }), /tau/],
    ['no threshold', (m) => ({ ...m, tau: Number.NaN }), /tau/],
    ['a list of one threshold', (m) => ({ ...m, tau: [0.5] }), /tau/],
    ['a threshold above 1 for its second exit', (m) => ({ ...m, tau: [0.5, 1.5] }), /found 1\.5 at tau\.1 /],
    ['a threshold that is none', (m) => ({ ...m, tau: [0.5, null] }), /tau/],
    ['endless thresholds', (m) => ({ ...m, tau: Array(1e4).fill(0.5) }), /tau/],
    ['thresholds for exits that it has not', (m) => ({ ...m, tau: [0.5, 0.5] }), /expected version/],
    ['another threshold', (m) => ({ ...m, tau: 0.123 }), /expected version/],
    ['a channel without mean', (m) => ({ ...m, input: { ...m.input, mean: [] } }), /one mean and one std per channel/],
    ['a resize below its shape', (m) => resized(m, SIZE - 1), /a resize that is at least as large as its shape/],
    ['a resize of part of a pixel', (m) => resized(m, 18.5), /input\.resize/],
    ['a huge resize', (m) => resized(m, 1e9), /input\.resize/],
    ['a resize below 0', (m) => resized(m, -18), /input\.resize/],
    ['a resize that is none', (m) => resized(m, Number.NaN), /input\.resize/],
    ['a resize in text', (m) => resized(m, '18'), /input\.resize/],
    ['a resize that it was not made with', (m) => resized(m, 18), /expected version/],
    ['a path out of the folder', (m) => ({ ...m, files: { ...m.files, '../secret': entry } }), /plain relative path/],
    ['an absolute path', (m) => ({ ...m, files: { ...m.files, '/etc/passwd': entry } }), /plain relative path/],
    ['a tail out of the folder', (m) => ({ ...m, tail: { ...m.tail, file: 'edge/../../x' } }), /plain relative path/],
    ['itself among its files', (m) => ({ ...m, files: { ...m.files, 'manifest.json': entry } }), /manifest itself/],
    ['a huge file', (m) => ({ ...m, files: { ...m.files, 'x.js': { ...entry, bytes: 1e15 } } }), /x\.js\.bytes/],
    ['a hash that is none', (m) => ({ ...m, files: { ...m.files, x: { ...entry, sha256: 'abc' } } }), /sha256/],
    ['no weights', (m) => ({ ...m, files: without(m.files, 'weights.safetensors') }), /expected weights\.saf\S* among/],
    ['no list of further files', (m) => ({ ...m, files: without(m.files, 'files.json') }), /expected lcdnn\.js among/],
    ['a field of its own', (m) => ({ ...m, extra: 1 }), /extra/],
  ])('refuses a manifest with %s', async (_what, change, reason) => {
    const { manifest } = await tinyBundle(folder);
    writeFileSync(join(folder, 'manifest.json'), JSON.stringify(change(pageManifest(manifest))));
    expect(() => readBundle(folder)).toThrow(UserError);
    expect(() => readBundle(folder)).toThrow(reason);
  });

  it.each([
    ['a path out of the folder', (files) => ({ ...files, '../secret': entry }), /plain relative path/],
    ['the manifest', (files) => ({ ...files, 'manifest.json': entry }), /manifest itself/],
    ['no loader', (files) => without(files, 'lcdnn.js'), /expected lcdnn\.js among its files/],
    ['no tail', (files) => without(files, 'edge/tail.onnx'), /expected edge\/tail\.onnx among its files/],
    ['no list', () => null, /files\.json: expected the list of files of a bundle, found null/],
  ] satisfies [
    string,
    (files: object) => unknown,
    RegExp,
  ][])('refuses a list of files with %s', async (_, change, reason) => {
    await tinyBundle(folder);
    const [manifest, files] = ['manifest.json', 'files.json'].map((file) => join(folder, file));
    const changed = JSON.stringify(change(JSON.parse(readFileSync(files, 'utf8'))));
    writeFileSync(files, changed);
    const stored = JSON.parse(readFileSync(manifest, 'utf8'));
    stored.files['files.json'] = { bytes: changed.length, sha256: sha256(Buffer.from(changed)) };
    writeFileSync(manifest, JSON.stringify({ ...stored, version: versionOf(stored) }));
    expect(() => readBundle(folder)).toThrow(UserError);
    expect(() => readBundle(folder)).toThrow(reason);
  });

  it.each(['', '{', 'null', '[]', '"text"', '{"format":NaN}'])('refuses %j as a manifest', async (text) => {
    await tinyBundle(folder);
    writeFileSync(join(folder, 'manifest.json'), text);
    expect(() => readBundle(folder)).toThrow(UserError);
  });
});
