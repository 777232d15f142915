import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { watchHealth } from './health.js';
import { createUpstream } from './upstream.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function setUp(ready: { is: boolean; error?: Error }) {
  const upstream = Object.assign(createUpstream('http://a', 10), { up: true });
  const changes: boolean[] = [];
  const failures: unknown[] = [];
  let checks = 0;
  const isReady = async () => {
    checks++;
    if (ready.error) throw ready.error;
    return ready.is;
  };
  const health = watchHealth([upstream], isReady, 100, {
    changed: ({ up }) => changes.push(up),
    failed: (thrown) => failures.push(thrown),
  });
  return { upstream, health, changes, failures, checks: () => checks };
}

it('takes a server out after two bad checks, and lets it in after two good ones', async () => {
  const ready = { is: true };
  const { upstream, changes, health } = setUp(ready);
  await vi.advanceTimersByTimeAsync(350);
  ready.is = false;
  await vi.advanceTimersByTimeAsync(100);
  expect(upstream.up).toBe(true);
  await vi.advanceTimersByTimeAsync(100);
  expect(upstream.up).toBe(false);
  ready.is = true;
  await vi.advanceTimersByTimeAsync(100);
  expect(upstream.up).toBe(false);
  await vi.advanceTimersByTimeAsync(100);
  expect(changes).toEqual([false, true]);
  health.stop();
});

it('forgives one bad check', async () => {
  const ready = { is: true };
  const { changes, health } = setUp(ready);
  for (let i = 0; i < 6; i++) {
    ready.is = i % 2 === 0;
    await vi.advanceTimersByTimeAsync(100);
  }
  expect(changes).toEqual([]);
  health.stop();
});

it('takes out at once where nobody listens, and looks at once where one is suspected', async () => {
  const ready = { is: false };
  const { changes, health, upstream, checks } = setUp(ready);
  for (let i = 0; i < 5; i++) health.suspect(upstream);
  await vi.advanceTimersByTimeAsync(0);
  expect([checks(), changes]).toEqual([1, []]);
  health.suspect(upstream);
  await vi.advanceTimersByTimeAsync(0);
  expect(changes).toEqual([false]);
  upstream.up = true;
  health.eject(upstream);
  expect(changes).toEqual([false, false]);
  health.stop();
});

it('reports a check that fails with an error, and goes on', async () => {
  const ready: { is: boolean; error?: Error } = { is: true, error: new Error('failed') };
  const { upstream, health, failures, checks } = setUp(ready);
  health.suspect(upstream);
  await vi.advanceTimersByTimeAsync(250);
  expect(failures).toEqual([ready.error, ready.error, ready.error]);
  ready.error = undefined;
  await vi.advanceTimersByTimeAsync(200);
  expect([checks(), upstream.up]).toEqual([5, true]);
  health.stop();
});

it('ends', async () => {
  const { health, checks } = setUp({ is: true });
  health.stop();
  await vi.advanceTimersByTimeAsync(1000);
  expect(checks()).toBe(0);
});
