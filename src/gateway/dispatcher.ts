import { Refusal } from '../edge/errors.js';
import { Overloaded } from '../edge/models/batcher.js';
import type { Scheduler } from './scheduler.js';
import { leastUtilised, type Upstream, utilisationOf } from './upstream.js';

/** A server has not answered a request, so that another may be asked. */
export class Unanswered extends Error {
  override readonly name = 'Unanswered';

  /** @param how nobody listens there, it died with the request, or it has too much to do */
  constructor(
    readonly how: 'refused' | 'died' | 'busy',
    message: string,
  ) {
    super(message);
  }
}

/** An answer that has begun; `ended` tells when it is over, well or not, and is never rejected. */
export interface Begun<Answer> {
  readonly answer: Answer;
  readonly ended: Promise<unknown>;
}

/** Sends a request to a server. @throws Unanswered where another may be asked */
export type Send<Answer> = (origin: string) => Promise<Begun<Answer>>;

export interface DispatcherOptions {
  /** Milliseconds between two decisions while all servers are busy. */
  readonly stepMs: number;
  /** Most requests that wait. */
  readonly maxWaiting: number;
  /** Where requests go that find no room. */
  readonly remote?: string;
}

export interface DispatcherEvents {
  sent(upstream: Upstream): void;
  unanswered(upstream: Upstream, error: Unanswered): void;
  retried(): void;
  overflowed(to: 'remote' | 'refused'): void;
}

/** Has requests answered, each exactly once. */
export interface Dispatcher {
  /**
   * Waits until the policy gives the request to a server, and for its answer; another server is asked, once, where that
   * one does not answer. What finds no room, or no server, goes to the remote.
   *
   * @param signal whose abort takes the request out of the buffer; its reason is then thrown
   * @throws Overloaded or Refusal where nobody can answer
   */
  dispatch<Answer>(send: Send<Answer>, signal: AbortSignal): Promise<Answer>;
  /** Servers have changed: decides at once. */
  wake(): void;
  waiting(): number;
}

interface Waiting {
  /** Nothing for a request that nobody is up for. */
  give(upstream: Upstream | undefined): void;
}

/** A server that has more than half of its places free takes requests at once. */
const isFree = (upstream: Upstream): boolean => upstream.up && utilisationOf(upstream) < 0.5;

export function createDispatcher(
  upstreams: readonly Upstream[],
  scheduler: Pick<Scheduler, 'decide'>,
  { stepMs, maxWaiting, remote }: DispatcherOptions,
  events: DispatcherEvents,
): Dispatcher {
  let buffer: Waiting[] = [];
  let soon: NodeJS.Immediate | undefined;
  let timer: NodeJS.Timeout | undefined;
  let turn = 0;
  const rate = createRate();

  const advance = (): void => {
    clearImmediate(soon);
    clearTimeout(timer);
    soon = timer = undefined;
    if (buffer.length === 0) return;
    if (!upstreams.some(({ up }) => up)) {
      for (const { give } of buffer.splice(0)) give(undefined);
      return;
    }
    giveOut(scheduler.decide(buffer.length));
    if (buffer.length > 0) timer = setTimeout(advance, stepMs);
  };

  /** In the order of arrival, the servers taking turns. */
  const giveOut = (taken: Int32Array): void => {
    const count = taken.reduce((sum, share) => sum + share, 0);
    for (const { give } of buffer.splice(0, count)) {
      do turn = (turn + 1) % upstreams.length;
      while (taken[turn] === 0);
      taken[turn]--;
      give(upstreams[turn]);
    }
  };

  /** Decides now, if a server is free, for all that came in this turn of the event loop; else at the next step. */
  const wake = (): void => {
    if (buffer.length === 0 || soon) return;
    if (upstreams.some(isFree) || !upstreams.some(({ up }) => up)) soon = setImmediate(advance);
    else timer ??= setTimeout(advance, stepMs);
  };

  const place = (signal: AbortSignal): Promise<Upstream | undefined> =>
    new Promise((resolve, reject) => {
      const leave = (): void => {
        buffer = buffer.filter((other) => other !== waiting);
        reject(signal.reason);
      };
      const waiting: Waiting = {
        give(upstream) {
          signal.removeEventListener('abort', leave);
          if (upstream) upstream.inFlight++; // seen by the decision after this one
          resolve(upstream);
        },
      };
      signal.addEventListener('abort', leave, { once: true });
      buffer.push(waiting);
      wake();
    });

  /** To a server that counts the request already. */
  const sendTo = async <Answer>(upstream: Upstream, send: Send<Answer>, signal: AbortSignal): Promise<Answer> => {
    const end = (): void => {
      upstream.inFlight--;
      wake();
    };
    let begun: Begun<Answer>;
    try {
      signal.throwIfAborted();
      events.sent(upstream);
      begun = await send(upstream.origin);
    } catch (thrown) {
      end();
      if (thrown instanceof Unanswered) events.unanswered(upstream, thrown);
      throw thrown;
    }
    void begun.ended.finally(end);
    rate.count();
    return begun.answer;
  };

  const overflow = async <Answer>(send: Send<Answer>, signal: AbortSignal): Promise<Answer> => {
    signal.throwIfAborted();
    events.overflowed(remote === undefined ? 'refused' : 'remote');
    if (remote === undefined) throw new Overloaded(rate.secondsFor(buffer.length));
    try {
      return (await send(remote)).answer;
    } catch (thrown) {
      throw thrown instanceof Unanswered ? new Refusal(502, 'neither a server nor the remote has answered') : thrown;
    }
  };

  const unansweredIn = (thrown: unknown, signal: AbortSignal): void => {
    signal.throwIfAborted();
    if (!(thrown instanceof Unanswered)) throw thrown;
  };

  return {
    async dispatch(send, signal) {
      signal.throwIfAborted();
      if (buffer.length >= maxWaiting) return overflow(send, signal);
      const first = await place(signal);
      if (!first) return overflow(send, signal);
      try {
        return await sendTo(first, send, signal);
      } catch (thrown) {
        unansweredIn(thrown, signal);
      }
      const second = leastUtilised(upstreams, first);
      if (!second) return overflow(send, signal);
      events.retried();
      second.inFlight++;
      try {
        return await sendTo(second, send, signal);
      } catch (thrown) {
        unansweredIn(thrown, signal);
        return overflow(send, signal);
      }
    },
    wake,
    waiting: () => buffer.length,
  };
}

/** Answers a second, of the last seconds. */
function createRate() {
  let [since, count, perSecond] = [performance.now(), 0, 0];
  return {
    count(): void {
      count++;
      const seconds = (performance.now() - since) / 1000;
      if (seconds < 1) return;
      [since, perSecond, count] = [performance.now(), count / seconds, 0];
    },
    /** Seconds until so many are answered: 1 to 60. */
    secondsFor: (requests: number): number => Math.min(60, Math.max(1, Math.ceil(requests / Math.max(1, perSecond)))),
  };
}
