import { describe, expect, it } from 'vitest';
import { UserError } from '../base/errors.js';
import { type Batch, evaluationBatches, trainingBatches } from './batches.js';
import type { Split } from './dataset.js';

const preparation = { shape: [2, 2, 3], stored: [2, 2, 3], mean: [0.1, 0.2, 0.3], std: [0.5, 0.25, 0.2] } as const;
const bytes = Uint8Array.from({ length: 120 }, (_, i) => (i * 53) % 256);
const split: Split = {
  count: 10,
  pixels: { in: 'memory', bytes },
  labels: Uint16Array.from({ length: 10 }, (_, i) => i),
};
const indices = Int32Array.from([1, 2, 3, 4, 6, 7, 9]);
const order = { batchSize: 3, seed: 5, epoch: 2, augmentation: { shift: 1, flip: true } };

/** Copies, because the next batch reuses the arrays. */
async function collect(batches: AsyncIterable<Batch>) {
  const copies = [];
  for await (const { index, size, images, labels } of batches) {
    copies.push({ index, size, images: [...images], labels: [...labels] });
  }
  return copies;
}

describe('evaluationBatches', () => {
  it('gives all images in order, normalised per channel, the last batch short', async () => {
    const batches = await collect(evaluationBatches(preparation, split, 4));
    expect(batches.map((batch) => batch.size)).toEqual([4, 4, 2]);
    expect(batches.flatMap((batch) => batch.labels)).toEqual([...split.labels]);
    const expected = Array.from(bytes, (pixel, i) =>
      Math.fround((pixel / 255 - preparation.mean[i % 3]) / preparation.std[i % 3]),
    );
    expect(batches.flatMap((batch) => batch.images)).toEqual(expected);
  });

  it('gives the indices that were asked for', async () => {
    const batches = await collect(evaluationBatches(preparation, split, 4, indices));
    expect(batches.flatMap((batch) => batch.labels)).toEqual([...indices]);
  });

  it('uses its buffers again', async () => {
    const buffers = new Set<ArrayBufferLike>();
    for await (const { images } of evaluationBatches(preparation, split, 3)) buffers.add(images.buffer);
    expect(buffers.size).toBe(1);
  });
});

describe('trainingBatches', () => {
  it('gives each index at most once, in an order of the epoch, whole batches only', async () => {
    const seen: number[][] = [];
    for (const epoch of [0, 1, 2]) {
      const batches = await collect(trainingBatches(preparation, split, indices, { ...order, epoch }));
      expect(batches.map((batch) => batch.size)).toEqual([3, 3]);
      seen.push(batches.flatMap((batch) => batch.labels));
    }
    for (const labels of seen) {
      expect(new Set(labels).size).toBe(6);
      expect(labels.every((label) => indices.includes(label))).toBe(true);
    }
    expect(new Set(seen.map(String)).size).toBe(3);
  });

  it('leaves images as they are without augmentation', async () => {
    const whole = (await collect(evaluationBatches(preparation, split, 1))).map((batch) => batch.images);
    for await (const batch of trainingBatches(preparation, split, indices, { batchSize: 1, seed: 5, epoch: 2 })) {
      expect([...batch.images]).toEqual(whole[batch.labels[0]]);
    }
  });

  it('gives the same bits from the middle of an epoch on', async () => {
    const whole = await collect(trainingBatches(preparation, split, indices, order));
    expect(await collect(trainingBatches(preparation, split, indices, { ...order, from: 1 }))).toEqual(whole.slice(1));
    expect(await collect(trainingBatches(preparation, split, indices, { ...order, from: 2 }))).toEqual([]);
    expect(await collect(trainingBatches(preparation, split, indices, order))).toEqual(whole);
  });

  it('augments every image anew in every epoch', async () => {
    const images = [];
    for (const epoch of [0, 1, 2, 3, 4, 5]) {
      const batches = trainingBatches(preparation, split, Int32Array.of(4), { ...order, batchSize: 1, epoch });
      images.push((await collect(batches)).map((batch) => batch.images));
    }
    expect(new Set(images.map(String)).size).toBeGreaterThan(3);
  });

  it('refuses a batch of more images than there are', async () => {
    const run = () => collect(trainingBatches(preparation, split, indices, { ...order, batchSize: 8 }));
    await expect(run()).rejects.toThrow(UserError);
    await expect(run()).rejects.toThrow('batch size: expected at most the number of training images, 7, found 8');
  });
});

describe('augmented batches', () => {
  const larger = { ...preparation, shape: [1, 1, 3] } as const;

  it('crop what is stored larger: the middle for evaluation, anywhere for training', async () => {
    const [first] = await collect(evaluationBatches(larger, split, 1));
    const pixel = (at: number) => Array.from(bytes.subarray(3 * at, 3 * at + 3));
    const shown = (values: number[]) =>
      values.map((value, c) => Math.abs(Math.round((value * preparation.std[c] + preparation.mean[c]) * 255)));
    expect(shown(first.images)).toEqual(pixel(0)); // (2 - 1) >> 1
    const seen = new Set<string>();
    for (let epoch = 0; epoch < 30; epoch++) {
      const only = trainingBatches(larger, split, Int32Array.of(0), { batchSize: 1, seed: 1, epoch });
      seen.add(String(shown((await collect(only))[0].images)));
    }
    expect([...seen].sort()).toEqual([0, 1, 2, 3].map((at) => String(pixel(at))).sort());
  });

  it('keep the moves of old runs whatever else is on', async () => {
    const moved = await collect(trainingBatches(preparation, split, indices, order));
    const cut = { ...order.augmentation, cutout: 1 };
    const both = await collect(trainingBatches(preparation, split, indices, { ...order, augmentation: cut }));
    for (const [b, { images }] of both.entries()) {
      const changed = images.filter((value, i) => value !== moved[b].images[i]);
      expect(changed.length).toBeLessThanOrEqual(3 * 3);
      expect(changed.every((value) => value === 0)).toBe(true);
    }
  });

  it('mix images and say which, in the shares of their labels', async () => {
    const plain = await collect(trainingBatches(preparation, split, indices, { batchSize: 3, seed: 5, epoch: 2 }));
    const mixing = { batchSize: 3, seed: 5, epoch: 2, augmentation: { mixup: 1 } };
    for await (const { index, images, labels, mixed } of trainingBatches(preparation, split, indices, mixing)) {
      expect([...labels]).toEqual(plain[index].labels);
      expect([...mixed!.labels]).toEqual([...labels].reverse());
      const share = mixed!.share;
      const expected = plain[index].images.map((value, p) => {
        const other = plain[index].images[12 * (2 - Math.floor(p / 12)) + (p % 12)];
        return (1 - share) * value + share * other;
      });
      images.forEach((value, p) => {
        expect(value).toBeCloseTo(expected[p], 5);
      });
    }
  });
});
