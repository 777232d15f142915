import fc from 'fast-check';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { random } from '../base/random.js';
import { Refusal } from '../edge/errors.js';
import { Overloaded } from '../edge/models/batcher.js';
import { RULES } from '../scheduling/policies/index.js';
import type { Policy } from '../scheduling/policies/policy.js';
import { createDispatcher, type DispatcherEvents, Unanswered } from './dispatcher.js';
import { createScheduler } from './scheduler.js';
import { createUpstream, type Upstream } from './upstream.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const REMOTE = 'http://remote';
const noEvents: DispatcherEvents = { sent() {}, unanswered() {}, retried() {}, overflowed() {} };
const after = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const forever = new AbortController().signal;

function setUp(
  policy: Policy | string,
  capacities: number[],
  options: { maxWaiting?: number; remote?: string } = {},
  events: Partial<DispatcherEvents> = {},
) {
  const upstreams = capacities.map((capacity, i) => createUpstream(`http://s${i}`, capacity));
  for (const upstream of upstreams) upstream.up = true;
  const chosen = typeof policy === 'string' ? RULES[policy]({ eta: 0.05 }) : policy;
  const schedulerEvents = { decided() {}, fallback() {} };
  const scheduler = createScheduler(upstreams, chosen, 100, schedulerEvents, random(1));
  const all = { ...noEvents, ...events };
  const dispatcher = createDispatcher(upstreams, scheduler, { stepMs: 10, maxWaiting: 100, ...options }, all);
  return { upstreams, dispatcher };
}

const outcome = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('answer' as const), ms: fc.nat(30), bodyMs: fc.nat(10) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('died', 'busy', 'refused'), ms: fc.nat(30) }) },
);
const request = fc.record({
  at: fc.nat(60),
  abortAfter: fc.option(fc.nat(60), { nil: undefined }),
  /** By each server that is tried, and by the remote. */
  outcomes: fc.array(outcome, { minLength: 4, maxLength: 4 }),
  remoteOutcome: outcome,
});
const senseless: Policy = (_observation, next, offers) => offers.fill(next() < 0.5 ? Number.NaN : -1);
const policies = fc.constantFrom<Policy | string>(...Object.keys(RULES), senseless);

it('answers every request exactly once, whatever servers and clients do', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        policy: policies,
        capacities: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 }),
        maxWaiting: fc.integer({ min: 1, max: 12 }),
        remote: fc.option(fc.constant(REMOTE), { nil: undefined }),
        requests: fc.array(request, { maxLength: 40 }),
        turns: fc.array(fc.record({ at: fc.nat(80), server: fc.nat(3), up: fc.boolean() }), { maxLength: 6 }),
      }),
      async ({ policy, capacities, maxWaiting, remote, requests, turns }) => {
        const toDown: Upstream[] = [];
        const sent = (upstream: Upstream) => upstream.up || toDown.push(upstream);
        const { upstreams, dispatcher } = setUp(policy, capacities, { maxWaiting, remote }, { sent });
        const turned = turns.map(async ({ at, server, up }) => {
          await after(at);
          upstreams[server % upstreams.length].up = up;
          dispatcher.wake();
        });
        const played = requests.map(async ({ at, abortAfter, outcomes, remoteOutcome }) => {
          await after(at);
          const controller = new AbortController();
          if (abortAfter !== undefined) void after(abortAfter).then(() => controller.abort('left'));
          const asked: string[] = [];
          let answers = 0;
          const send = async (origin: string) => {
            expect(controller.signal.aborted).toBe(false);
            const now = origin === REMOTE ? remoteOutcome : outcomes[asked.length];
            asked.push(origin);
            await after(now.ms);
            if (now.kind !== 'answer') throw new Unanswered(now.kind as 'died', now.kind);
            controller.signal.throwIfAborted();
            answers++;
            return { answer: origin, ended: after((now as { bodyMs: number }).bodyMs) };
          };
          const result = await dispatcher.dispatch(send, controller.signal).then(
            (answer) => ({ answer }),
            (thrown: unknown) => ({ thrown }),
          );
          expect(new Set(asked).size).toBe(asked.length);
          const kinds = outcomes.slice(0, asked.filter((origin) => origin !== REMOTE).length).map(({ kind }) => kind);
          expect(kinds.filter((kind) => kind === 'died').length).toBeLessThanOrEqual(3);
          expect(kinds.filter((kind) => kind === 'busy').length).toBeLessThanOrEqual(2);
          expect(answers).toBe('answer' in result ? 1 : 0);
          if ('answer' in result) expect(result.answer).toBe(asked.at(-1));
          else if (result.thrown === 'left') expect(controller.signal.aborted).toBe(true);
          else expect(result.thrown).toBeInstanceOf(remote === undefined ? Overloaded : Refusal);
        });
        const everyone = Promise.all([...played, ...turned]);
        everyone.catch(() => {});
        // A server that is up takes what waits; the rest ends by abort, or is told that nobody is there.
        await vi.advanceTimersByTimeAsync(200);
        for (const upstream of upstreams) upstream.up = true;
        dispatcher.wake();
        await vi.advanceTimersByTimeAsync(3000);
        await everyone;
        expect([dispatcher.waiting(), ...upstreams.map(({ inFlight }) => inFlight)]).toEqual([
          0,
          ...upstreams.map(() => 0),
        ]);
        expect(toDown).toEqual([]);
      },
    ),
    { numRuns: 200 },
  );
});

it('gives a free server a request at once, and a busy one at the next step', async () => {
  const { dispatcher } = setUp('least-loaded', [2, 2]);
  const asked: number[] = [];
  const began = performance.now();
  const send = async () => {
    asked.push(performance.now() - began);
    return { answer: 1, ended: after(1000) };
  };
  for (let i = 0; i < 3; i++) void dispatcher.dispatch(send, forever);
  await vi.advanceTimersByTimeAsync(1);
  expect(asked.length).toBe(3);
  void dispatcher.dispatch(send, forever);
  await vi.advanceTimersByTimeAsync(5);
  expect(asked.length).toBe(3);
  await vi.advanceTimersByTimeAsync(10);
  expect(asked.length).toBe(4);
});

it('holds what servers have no room for, in the order of arrival', async () => {
  const { dispatcher, upstreams } = setUp('always-high', [1, 1]);
  const order: number[] = [];
  const all = [0, 1, 2, 3, 4].map((i) =>
    dispatcher.dispatch(async () => {
      order.push(i);
      return { answer: i, ended: after(20) };
    }, forever),
  );
  await vi.advanceTimersByTimeAsync(1);
  expect([dispatcher.waiting(), ...upstreams.map(({ inFlight }) => inFlight)]).toEqual([3, 1, 1]);
  await vi.advanceTimersByTimeAsync(200);
  expect(await Promise.all(all)).toEqual(order);
});

it('tells when to come again where the buffer is full, or asks the remote', async () => {
  for (const remote of [undefined, REMOTE]) {
    const { dispatcher } = setUp('least-loaded', [1], { maxWaiting: 1, remote });
    const send = async (origin: string) => ({ answer: origin, ended: after(100) });
    const answers = [0, 1, 2].map(async () => dispatcher.dispatch(send, forever).catch((thrown) => thrown));
    await vi.advanceTimersByTimeAsync(300);
    const last = await answers[2];
    if (remote) expect(last).toBe(remote);
    else expect(last).toMatchObject({ name: 'Overloaded', retryAfterS: 1 });
  }
});
