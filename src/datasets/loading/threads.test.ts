import { afterAll, describe, expect, it } from 'vitest';
import { UserError } from '../../base/errors.js';
import { type Batch, evaluationBatches, trainingBatches } from '../batches.js';
import type { Split } from '../dataset.js';
import type { MemoryPixels } from '../pixels.js';
import type { BatchRequest } from './fill-batch.js';
import { loadHere } from './loader.js';
import { loadInThreads } from './threads.js';

const COUNT = 31;
const preparation = { shape: [8, 8, 3], stored: [10, 10, 3], mean: [0.4, 0.5, 0.6], std: [0.2, 0.25, 0.3] } as const;
const bytes = new Uint8Array(new SharedArrayBuffer(COUNT * 300)).map((_, i) => (i * 53 + (i >> 7) * 29) % 256);
const split: Split = {
  count: COUNT,
  pixels: { in: 'memory', bytes },
  labels: Uint16Array.from({ length: COUNT }, (_, i) => i),
};
const indices = Int32Array.from({ length: COUNT }, (_, i) => i);
const augmentation = { shift: 1, flip: true, crop: 0.3, jitter: 0.4, cutout: 3, mixup: 0.4 };
const order = { batchSize: 4, seed: 3, epoch: 1, augmentation };

const loaders = [1, 3].map(loadInThreads);
afterAll(() => Promise.all(loaders.map((loader) => loader.close())));

async function collect(batches: AsyncIterable<Batch>) {
  const copies = [];
  for await (const batch of batches) copies.push(structuredClone(batch));
  return copies;
}

describe.each(loaders)('threads', (loader) => {
  it('give the bits that the training thread gives, in order, from any batch on', async () => {
    const expected = await collect(trainingBatches(preparation, split, indices, order));
    expect(expected.length).toBe(7);
    expect(await collect(trainingBatches(preparation, split, indices, order, loader))).toEqual(expected);
    const later = trainingBatches(preparation, split, indices, { ...order, from: 5 }, loader);
    expect(await collect(later)).toEqual(expected.slice(5));
    const evaluated = await collect(evaluationBatches(preparation, split, 4, indices));
    expect(await collect(evaluationBatches(preparation, split, 4, indices, loader))).toEqual(evaluated);
  });

  it('go on after a reader that stopped early', async () => {
    const expected = await collect(trainingBatches(preparation, split, indices, order));
    for (let stops = 0; stops < 4; stops++) {
      for await (const batch of trainingBatches(preparation, split, indices, order, loader))
        if (batch.index === stops) break;
    }
    expect(await collect(trainingBatches(preparation, split, indices, order, loader))).toEqual(expected);
  });
});

describe('a loader of threads', () => {
  it('asks for a few batches ahead only', async () => {
    const asked: number[] = [];
    function* requests(): Generator<BatchRequest> {
      for (let index = 0; index < 50; index++) {
        asked.push(index);
        yield { indices: Int32Array.of(index % COUNT) };
      }
    }
    let most = 0;
    let used = 0;
    for await (const images of loaders[0].load(split.pixels, preparation, requests())) {
      expect(images.length).toBe(192);
      most = Math.max(most, asked.length - used++);
    }
    expect(used).toBe(50);
    expect(most).toBe(4); // the one in use, one for the thread, two to spare
  });

  it("tells a thread's mistakes as they were thrown, and stays usable", async () => {
    const loader = loadInThreads(2);
    const broken = { in: 'memory' } as unknown as MemoryPixels; // without bytes
    const requests = [{ indices: Int32Array.of(0) }];
    const first = async (pixels: MemoryPixels) => (await loader.load(pixels, preparation, requests).next()).value;
    const here = async () => (await loadHere.load(broken, preparation, requests).next()).value;
    const thrown = await here().catch((error) => error);
    await expect(first(broken)).rejects.toThrow(thrown.message);
    expect(thrown).not.toBeInstanceOf(UserError);
    const filled = await loadHere.load(split.pixels, preparation, requests).next();
    expect(await first(split.pixels as MemoryPixels)).toEqual(filled.value);
    await loader.close();
  });

  it('closes with batches under way, and before any', async () => {
    const loader = loadInThreads(2);
    for await (const _ of trainingBatches(preparation, split, indices, order, loader)) break;
    await loader.close();
    await loadInThreads(2).close();
  });
});
