import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { repeat } from './repeat.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it.each([
  ['rejects', () => Promise.reject(new Error('failed'))],
  [
    'throws',
    () => {
      throw new Error('failed');
    },
  ],
])('a task that %s is reported and runs again', async (_, fail) => {
  // Node ends a process with an unhandled rejection; vitest fails the run.
  const errors: unknown[] = [];
  let runs = 0;
  const task = (): unknown => (++runs % 2 === 1 ? fail() : undefined);
  const stop = repeat(10, task, (thrown) => errors.push(thrown));
  await vi.advanceTimersByTimeAsync(45);
  stop();
  await vi.advanceTimersByTimeAsync(100);
  expect([runs, errors.length]).toEqual([4, 2]);
  expect(errors[0]).toEqual(new Error('failed'));
});

it('a run begins only after the previous one has ended', async () => {
  let running = 0;
  let most = 0;
  const stop = repeat(
    10,
    async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 35));
      running--;
    },
    () => {},
  );
  await vi.advanceTimersByTimeAsync(200);
  stop();
  expect(most).toBe(1);
});
