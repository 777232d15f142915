import { afterEach, expect, it, vi } from 'vitest';
import type { Dataset } from '../dataset.js';
import { createLoader, suitableThreads } from './create-loader.js';
import { loadHere } from './loader.js';
import { timed } from './timed.js';

vi.mock('node:os', async (original) => ({ ...(await original<object>()), availableParallelism: () => 16 }));
afterEach(() => vi.unstubAllEnvs());

/** A split in memory, with images of this side. */
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

it('starts as many threads as there is use for', () => {
  const inMemory = dataset(32, 3);
  const train = { ...inMemory.train, pixels: { in: 'images', folder: '', files: [] } } as const;
  expect(suitableThreads(inMemory, {})).toBe(2);
  for (const [size, threads] of [
    ['', 4],
    ['none', 4],
    ['12', 12],
    ['100', 15],
  ] as const) {
    vi.stubEnv('UV_THREADPOOL_SIZE', size);
    expect(suitableThreads({ ...inMemory, train }, {})).toBe(threads);
  }
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
