import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { tinyBundle, tinyDraft } from '../../../test/tiny-bundle.js';
import { TINY_ZOO } from '../../../test/zoo.js';
import { zooDraft, zooEncoding } from '../../../test/zoo-bundle.js';
import { toHalf } from '../../base/half.js';
import { random } from '../../base/random.js';
import type { Values } from '../../bundle/datatypes.js';
import { MANIFEST_FILE } from '../../bundle/manifest.js';
import { type Bundle, readBundle } from '../../bundle/read-bundle.js';
import { writeBundle } from '../../bundle/write-bundle.js';
import { deployedState } from '../../network/deployed.js';
import { initialState } from '../../train/initial-state.js';
import { openTail } from '../tail.js';
import { type ModelEvents, type Models, openModels } from './models.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-models-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const OPTIONS = { maxBatch: 4, maxWaitMs: 2, maxQueue: 16, threads: 1 };
let events: string[] = [];
const heard: ModelEvents = {
  batch: (model, images) => void events.push(`${model} computed ${images}`),
  died: (model) => void events.push(`${model} died`),
  restarted: (model) => void events.push(`${model} restarted`),
  replaced: (model) => void events.push(`${model} replaced`),
  refused: (model, _folder, reason) => void events.push(`${model} refused: ${reason}`),
};
let models: Models | undefined;
const open = async (...sources: (string | Bundle)[]) => {
  events = [];
  models = await openModels(sources, OPTIONS, heard);
  return models;
};
afterEach(() => models?.close());

function imagesFor({ manifest }: Bundle, count: number): Float32Array {
  const size = manifest.tail.shape.reduce((all, length) => all * length, 1);
  return Float32Array.from({ length: count * size }, random(7));
}

/** What ONNX Runtime answers in this thread. */
async function oracle(bundle: Bundle, values: Values, count: number): Promise<number[]> {
  const tail = await openTail(bundle);
  const logits = Array.from(await tail.infer(values, count));
  await tail.close();
  return logits;
}

describe('models', () => {
  it('answer as ONNX Runtime does, to the bit, alone and in one batch', async () => {
    const bundle = await tinyBundle(join(folder, 'alike'));
    const model = (await open(bundle)).get('tiny')!;
    const values = imagesFor(bundle, 9);
    const size = values.length / 9;
    const one = (i: number) => values.slice(i * size, (i + 1) * size);
    const answers = await Promise.all(Array.from({ length: 9 }, (_, i) => model.infer(one(i), 1)));
    expect(events).toEqual(['tiny computed 1', 'tiny computed 4', 'tiny computed 4']);
    expect(answers.flatMap(({ logits }) => Array.from(logits))).toEqual(await oracle(bundle, values, 9));
  });

  it.each([
    ['f16', (length: number) => Uint16Array.from({ length }, (_, i) => toHalf(Math.sin(i)))],
    ['u8', (length: number) => Uint8Array.from({ length }, (_, i) => (i * 7919) % 256)],
  ] as const)('answer what is sent as %s the same, in batches', async (uplink, valuesOf) => {
    const at = join(folder, uplink);
    const [, network] = TINY_ZOO[0];
    const state = deployedState(network, initialState(network, 'momentum', 1));
    await writeBundle(at, zooDraft(network, state, 0.5, zooEncoding(network, state, uplink)));
    const bundle = readBundle(at);
    const model = (await open(bundle)).get('lenet')!;
    const size = bundle.manifest.tail.shape.reduce((all, length) => all * length, 1);
    const values: Values = valuesOf(5 * size);
    const answers = await Promise.all(
      Array.from({ length: 5 }, (_, i) => model.infer(values.slice(i * size, (i + 1) * size), 1)),
    );
    expect(events).toEqual(['lenet computed 1', 'lenet computed 4']);
    expect(answers.flatMap(({ logits }) => Array.from(logits))).toEqual(await oracle(bundle, values, 5));
  });

  it('go over to what their folder holds, and let those end that began with what it held before', async () => {
    const at = join(folder, 'replaced');
    const old = await tinyBundle(at);
    const { get, versions, using, reload } = await open(at);
    const before = get('tiny')!;
    await reload();
    expect(get('tiny')).toBe(before);

    let begin!: () => void;
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const running = using(before, async () => {
      await begun;
      return before.infer(imagesFor(old, 1), 1);
    });
    const fresh = await tinyBundle(at, {}, 2);
    await reload();
    expect(events).toEqual(['tiny replaced']);
    const after = get('tiny')!;
    expect([before.version, after.version]).toEqual([old.manifest.version, fresh.manifest.version]);
    const asked = imagesFor(old, 1);
    expect(Array.from((await after.infer(asked.slice(), 1)).logits)).toEqual(await oracle(fresh, asked, 1));
    begin();
    expect(Array.from((await running).logits)).toEqual(await oracle(old, asked, 1));
    // The old one stays for pages that began with it, until another version comes.
    expect(get('tiny', old.manifest.version)).toBe(before);
    expect(get('tiny', '0')).toBeUndefined();
    expect(versions('tiny')).toEqual([before.version, after.version]);
    await tinyBundle(at, {}, 3);
    await reload();
    await expect.poll(() => before.fault()?.error.message).toMatch(/was closed/);
    expect(get('tiny', before.version)).toBeUndefined();
    expect([get('tiny', after.version), after.fault()]).toEqual([after, undefined]);
  });

  it('open nothing more once they close', async () => {
    const at = join(folder, 'closing');
    await tinyBundle(at);
    const { get, using, reload, close } = await open(at);
    let end!: () => void;
    const running = using(get('tiny')!, () => new Promise<void>((resolve) => (end = resolve)));
    const closed = close();
    await tinyBundle(at, {}, 2);
    await reload();
    expect(events).toEqual([]);
    end();
    await Promise.all([running, closed]);
    models = undefined;
  });

  it('stay with what they have where the new bundle is broken, away, or of another name', async () => {
    const at = join(folder, 'broken');
    await tinyBundle(at);
    const { get, reload } = await open(at);
    const before = get('tiny')!;
    await tinyBundle(at, {}, 2);
    writeFileSync(join(at, 'edge', 'tail.onnx'), 'x');
    await reload();
    await reload();
    expect(events).toEqual([expect.stringMatching(/^tiny refused: .*tail\.onnx: expected \d+ bytes, found 1;/)]);
    rmSync(at, { recursive: true });
    await reload();
    await writeBundle(at, tinyDraft({ name: 'other' }));
    await reload();
    expect(events.slice(1)).toEqual(['tiny refused: expected another version of tiny, found other']);
    rmSync(join(at, MANIFEST_FILE));
    await reload();
    expect([events.length, get('tiny'), before.fault()]).toEqual([2, before, undefined]);
  });

  it('have different names', async () => {
    const bundles = [await tinyBundle(join(folder, 'a')), await tinyBundle(join(folder, 'b'))];
    await expect(openModels(bundles, OPTIONS, heard)).rejects.toThrow('different names, found tiny twice');
  });

  it('are none where a bundle is broken', async () => {
    const at = join(folder, 'damaged');
    await tinyBundle(at);
    writeFileSync(join(at, 'lcdnn.js'), '');
    await expect(openModels([at], OPTIONS, heard)).rejects.toThrow(/lcdnn\.js: expected \d+ bytes, found 0/);
    const bundle = await tinyBundle(join(folder, 'no-onnx'));
    const files = new Map(bundle.files).set(bundle.manifest.tail.file, Buffer.from('x'));
    await expect(openModels([{ ...bundle, files }], OPTIONS, heard)).rejects.toThrow(/expected an ONNX model/);
  });
});
