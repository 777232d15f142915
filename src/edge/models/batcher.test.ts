import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Values } from '../../bundle/datatypes.js';
import type { RequestDeadline } from '../request-deadline.js';
import { type BatcherOptions, createBatcher, Overloaded } from './batcher.js';

/** A tail that computes when it is told to: a logit for each image, its value times ten. */
function slowTail() {
  const started: { values: number[]; finish(error?: Error): void }[] = [];
  const infer = (parts: readonly Values[]): Promise<Float32Array> =>
    new Promise((resolve, reject) => {
      const values = parts.flatMap((part) => Array.from(part));
      const logits = Float32Array.from(values, (value) => 10 * value);
      started.push({ values, finish: (error) => (error ? reject(error) : resolve(logits)) });
    });
  return { infer, started };
}

/** Someone who waits until they go. */
function waiting(): RequestDeadline & { go(): void } {
  let reason: Error | undefined;
  const listeners: ((reason: Error) => void)[] = [];
  return {
    over: () => reason,
    onceOver: (listener) => void listeners.push(listener),
    go() {
      reason = new Error('gone');
      for (const listener of listeners) listener(reason);
    },
  };
}

const setUp = (options: Partial<BatcherOptions> = {}) => {
  const tail = slowTail();
  const batches: number[] = [];
  const all = { maxBatch: 4, maxWaitMs: 2, maxQueue: 8, ...options };
  const batcher = createBatcher(tail, all, (images) => void batches.push(images));
  /** An image for each value. */
  const ask = (values: number[], deadline?: RequestDeadline) =>
    batcher.infer(Float32Array.from(values), values.length, deadline).then(({ logits }) => Array.from(logits));
  return { ...tail, batcher, batches, ask };
};

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());
/** Until all that can go on without time passing has gone on. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('a batcher', () => {
  it('computes what comes to an idle tail at once, and alone', async () => {
    const { ask, started } = setUp();
    const answer = ask([1]);
    expect(started).toHaveLength(1);
    started[0].finish();
    expect(await answer).toEqual([10]);
  });

  it('puts together what came while the tail was busy, and gives everyone their own', async () => {
    const { ask, started, batches } = setUp();
    const answers = [ask([1]), ask([2]), ask([3, 4])];
    started[0].finish();
    await settled();
    expect(started).toHaveLength(1); // three images wait for a fourth
    vi.advanceTimersByTime(2);
    expect(started[1].values).toEqual([2, 3, 4]);
    started[1].finish();
    expect(await Promise.all(answers)).toEqual([[10], [20], [30, 40]]);
    expect(batches).toEqual([1, 3]);
  });

  it('waits for no more than a full batch, and has one lie ready', async () => {
    const { ask, started } = setUp();
    const answers = [ask([1]), ask([2, 3, 4]), ask([5]), ask([6, 7, 8, 9])];
    expect(started.map(({ values }) => values)).toEqual([[1], [2, 3, 4, 5]]);
    started[0].finish();
    await settled();
    expect(started).toHaveLength(3);
    started[1].finish();
    started[2].finish();
    expect(await Promise.all(answers)).toEqual([[10], [20, 30, 40], [50], [60, 70, 80, 90]]);
  });

  it('does not take what makes a batch too large, and does not pass it over', async () => {
    const { ask, started } = setUp();
    const answers = [ask([1]), ask([2, 3, 4]), ask([5, 6]), ask([7])];
    expect(started[1].values).toEqual([2, 3, 4]);
    started[0].finish();
    started[1].finish();
    await settled();
    vi.advanceTimersByTime(2);
    expect(started[2].values).toEqual([5, 6, 7]);
    started[2].finish();
    await Promise.all(answers);
  });

  it('refuses at once what finds no room, and says when to come again', async () => {
    const { ask, batcher, started } = setUp({ maxBatch: 4, maxQueue: 4 });
    const first = ask([1]);
    vi.advanceTimersByTime(3000);
    started[0].finish();
    await first; // an image takes 3 s
    const answers = [ask([1]), ask([2, 3, 4])];
    await expect(ask([5, 6])).rejects.toThrow(Overloaded);
    await expect(ask([5, 6])).rejects.toMatchObject({ retryAfterS: 9 });
    expect(() => batcher.checkRoom()).not.toThrow();
    answers.push(ask([5])); // which makes a full batch, that lies ready
    answers.push(ask([6, 7, 8, 9]));
    expect(() => batcher.checkRoom()).toThrow(Overloaded);
    expect(batcher.waiting()).toBe(4);
    for (const at of [1, 2]) started[at].finish();
    await settled();
    started[3].finish();
    await Promise.all(answers);
    expect(() => batcher.checkRoom()).not.toThrow();
  });

  it('does not compute what nobody waits for any more', async () => {
    const { ask, started, batcher } = setUp();
    const client = waiting();
    const answers = [ask([1]), ask([3])];
    const gone = ask([2], client);
    client.go();
    await expect(gone).rejects.toThrow('gone');
    expect(batcher.waiting()).toBe(1);
    await expect(ask([2], client)).rejects.toThrow('gone');
    started[0].finish();
    await settled();
    vi.advanceTimersByTime(2);
    expect(started[1].values).toEqual([3]);
    started[1].finish();
    await Promise.all(answers);
  });

  it('tells those of a batch that fails, and goes on', async () => {
    const { ask, started } = setUp();
    const failing = ask([1]);
    started[0].finish(new Error('no memory'));
    await expect(failing).rejects.toThrow('no memory');
    const next = ask([2]);
    started[1].finish();
    expect(await next).toEqual([20]);
  });

  it('tells when nothing is left to do', async () => {
    const { ask, started, batcher } = setUp();
    await batcher.idle();
    const answers = [ask([1]), ask([2])];
    let idle = false;
    void batcher.idle().then(() => {
      idle = true;
    });
    started[0].finish();
    await settled();
    vi.advanceTimersByTime(2);
    expect(idle).toBe(false);
    started[1].finish();
    await Promise.all(answers);
    await settled();
    expect(idle).toBe(true);
  });

  it('gives everyone their own logits or a reason, whatever comes when', async () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ ask: fc.integer({ min: 1, max: 4 }), gone: fc.boolean() }) },
      { weight: 2, arbitrary: fc.constant('finish' as const) },
      { weight: 1, arbitrary: fc.constant('fail' as const) },
      { weight: 2, arbitrary: fc.constant('wait' as const) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { ask, started, batcher, batches } = setUp();
        const ends: Promise<unknown>[] = [];
        let [next, finished] = [0, 0];
        const finish = (error?: Error) => finished < started.length && started[finished++].finish(error);
        for (const what of steps) {
          if (what === 'finish') finish();
          else if (what === 'fail') finish(new Error('failed'));
          else if (what === 'wait') vi.advanceTimersByTime(1);
          else {
            const values = Array.from({ length: what.ask }, () => next++);
            const client = waiting();
            const end = ask(values, client).then(
              (logits) => expect(logits).toEqual(values.map((value) => 10 * value)),
              (reason: Error) =>
                expect(['failed', 'gone', expect.stringMatching(/busy/)]).toContainEqual(reason.message),
            );
            ends.push(end);
            if (what.gone) client.go();
          }
          await settled();
          expect(batcher.waiting()).toBeLessThanOrEqual(8);
          expect(started.length - finished).toBeLessThanOrEqual(2);
        }
        for (let i = 0; i < 40; i++) {
          vi.advanceTimersByTime(2);
          finish();
          await settled();
        }
        await Promise.all([...ends, batcher.idle()]);
        expect(Math.max(0, ...batches)).toBeLessThanOrEqual(4);
        expect(batcher.waiting()).toBe(0);
      }),
    );
  });
});
