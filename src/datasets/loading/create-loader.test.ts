import { expect, it } from 'vitest';
import type { Dataset } from '../dataset.js';
import { createLoader, suitableThreads } from './create-loader.js';
import { loadHere } from './loader.js';
import { timed } from './timed.js';

/** In memory, with images of this side. */
function dataset(side: number, channels: number): Dataset {
  const shape = [side, side, channels] as const;
  const split = { count: 0, pixels: { in: 'memory', bytes: new Uint8Array(0) }, labels: new Uint16Array(0) } as const;
  return { name: 'none', shape, stored: shape, labels: [], mean: [], std: [], train: split, test: split };
}

it('starts no threads for small images that are hardly varied, and some for all others', () => {
  expect(suitableThreads(dataset(28, 1), { shift: 2, flip: true })).toBe(0);
  expect(suitableThreads(dataset(28, 1), { mixup: 0.2 })).toBeGreaterThan(0);
  expect(suitableThreads(dataset(32, 3), {})).toBeGreaterThan(0);
});

it('loads in the thread that asks where 0 threads are wanted', () => {
  expect(createLoader(dataset(32, 3), {}, 0)).toBe(loadHere);
});

it('adds up the time of waiting, not that of use', async () => {
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  async function* slow() {
    for (let i = 0; i < 3; i++) {
      await pause(20);
      yield i;
    }
  }
  const waited = { ms: 0 };
  const began = performance.now();
  let used = 0;
  for await (const _ of timed(slow(), waited)) {
    const since = performance.now();
    await pause(30);
    used += performance.now() - since;
  }
  expect(waited.ms).toBeGreaterThan(50);
  expect(waited.ms + used).toBeLessThanOrEqual(performance.now() - began);
});
