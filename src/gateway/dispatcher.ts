import { Refusal } from '../edge/errors.js';
import { Overloaded } from '../edge/models/batcher.js';
import type { Scheduler } from './scheduler.js';
import { leastUtilised, type Upstream, utilisationOf } from './upstream.js';

/** A server did not answer a request, so another one may be asked. */
export class Unanswered extends Error {
  override readonly name = 'Unanswered';

  /** @param how nothing listens there (`refused`), it died with the request, or it is overloaded (`busy`) */
  constructor(
    readonly how: 'refused' | 'died' | 'busy',
    message: string,
  ) {
    super(message);
  }
}

/**
 * How many servers a request may try without an answer, by reason. A server that refused the connection has done no work.
 * A request during which several servers died may be what kills them. If two servers are busy, the others probably are.
 */
const MOST_TRIES: Readonly<Record<Unanswered['how'], number>> = { refused: 256, died: 3, busy: 2 };

/** An answer that has started. `ended` is fulfilled when the server has finished it or failed; it never rejects. */
export interface StartedAnswer<Answer> {
  readonly answer: Answer;
  readonly ended: Promise<unknown>;
}

/** Sends a request to a server. @throws Unanswered if another server may be asked */
export type Send<Answer> = (origin: string) => Promise<StartedAnswer<Answer>>;

export interface DispatcherOptions {
  /** Milliseconds between two decisions while all servers are busy. */
  readonly stepMs: number;
  /** Largest number of waiting requests. */
  readonly maxWaiting: number;
  /** Origin for requests that find no room or no server. */
  readonly remote?: string;
}

export interface DispatcherEvents {
  sent(upstream: Upstream): void;
  unanswered(upstream: Upstream, error: Unanswered): void;
  retried(): void;
  overflowed(to: 'remote' | 'refused'): void;
}

/** Gives requests to servers. Each request is answered exactly once. */
export interface Dispatcher {
  /**
   * Waits until the policy chooses a server, and for that server's answer. If the server does not answer, tries other
   * running servers, each at most once. If no server has room, the request goes to the remote server.
   *
   * @param signal takes the request out of the buffer when aborted; its reason is thrown
   * @throws Overloaded or Refusal if no server can answer
   */
  dispatch<Answer>(send: Send<Answer>, signal: AbortSignal): Promise<Answer>;
  /**
   * The same for requests that cost a server almost nothing, such as files: they neither wait nor count towards a server's
   * capacity, so slow readers can't block inference. The servers take turns.
   */
  relay<Answer>(send: Send<Answer>, signal: AbortSignal): Promise<Answer>;
  /** Decides immediately, because servers have changed. */
  wake(): void;
  waiting(): number;
}

interface Waiting {
  /** @param upstream undefined if no server is up */
  give(upstream: Upstream | undefined): void;
}

/** A server with more than half of its capacity free gets requests immediately. */
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
  let relayTurn = 0;
  const rate = createAnswerRate();

  const advance = (): void => {
    clearImmediate(soon);
    clearTimeout(timer);
    soon = timer = undefined;
    if (buffer.length === 0) return;
    if (!upstreams.some(({ up }) => up)) {
      for (const { give } of buffer.splice(0)) give(undefined);
      return;
    }
    assign(scheduler.decide(buffer.length));
    if (buffer.length > 0) timer = setTimeout(advance, stepMs);
  };

  /** Assigns waiting requests in order of arrival; the servers take turns. */
  const assign = (counts: Int32Array): void => {
    const total = counts.reduce((sum, count) => sum + count, 0);
    for (const { give } of buffer.splice(0, total)) {
      do turn = (turn + 1) % counts.length;
      while (counts[turn] === 0);
      counts[turn]--;
      give(upstreams[turn]);
    }
  };

  /** If a server is free, decides now for all requests of this event loop turn; otherwise at the next step. */
  const wake = (): void => {
    if (buffer.length === 0 || soon) return;
    if (upstreams.some(isFree) || !upstreams.some(({ up }) => up)) soon = setImmediate(advance);
    else timer ??= setTimeout(advance, stepMs);
  };

  const waitForServer = (signal: AbortSignal): Promise<Upstream | undefined> =>
    new Promise((resolve, reject) => {
      const onAbort = (): void => {
        buffer = buffer.filter((other) => other !== waiting);
        reject(signal.reason);
      };
      const waiting: Waiting = {
        give(upstream) {
          signal.removeEventListener('abort', onAbort);
          if (upstream) upstream.inFlight++; // the next decision must see it
          resolve(upstream);
        },
      };
      signal.addEventListener('abort', onAbort, { once: true });
      buffer.push(waiting);
      wake();
    });

  /** Sends to a server whose `inFlight` includes this request already. */
  const sendCounted = async <Answer>(upstream: Upstream, send: Send<Answer>, signal: AbortSignal): Promise<Answer> => {
    const end = (): void => {
      upstream.inFlight--;
      wake();
    };
    let started: StartedAnswer<Answer>;
    try {
      signal.throwIfAborted();
      events.sent(upstream);
      started = await send(upstream.origin);
    } catch (thrown) {
      end();
      throw thrown;
    }
    void started.ended.finally(end);
    rate.count();
    return started.answer;
  };

  const overflow = async <Answer>(send: Send<Answer>, signal: AbortSignal): Promise<Answer> => {
    signal.throwIfAborted();
    events.overflowed(remote === undefined ? 'refused' : 'remote');
    if (remote === undefined) throw new Overloaded(rate.secondsFor(buffer.length));
    try {
      return (await send(remote)).answer;
    } catch (thrown) {
      throw thrown instanceof Unanswered ? new Refusal(502, 'neither a server nor the remote answered') : thrown;
    }
  };

  /**
   * Tries servers until one answers.
   *
   * @param first undefined if there is none
   * @param next chooses another server than those tried
   */
  const tryServers = async <Answer>(
    first: Upstream | undefined,
    next: (tried: ReadonlySet<Upstream>) => Upstream | undefined,
    attempt: (upstream: Upstream) => Promise<Answer>,
    signal: AbortSignal,
  ): Promise<Answer | undefined> => {
    const tried = new Set<Upstream>();
    const tries = { refused: 0, died: 0, busy: 0 };
    for (let upstream = first; upstream; upstream = next(tried)) {
      if (tried.size > 0) events.retried();
      tried.add(upstream);
      try {
        return await attempt(upstream);
      } catch (thrown) {
        if (thrown instanceof Unanswered) events.unanswered(upstream, thrown);
        signal.throwIfAborted();
        if (!(thrown instanceof Unanswered)) throw thrown;
        if (++tries[thrown.how] >= MOST_TRIES[thrown.how]) return undefined;
      }
    }
    return undefined;
  };

  return {
    async dispatch(send, signal) {
      signal.throwIfAborted();
      if (buffer.length >= maxWaiting) return overflow(send, signal);
      const first = await waitForServer(signal);
      const next = (tried: ReadonlySet<Upstream>): Upstream | undefined => {
        const upstream = leastUtilised(upstreams, tried);
        if (upstream) upstream.inFlight++;
        return upstream;
      };
      const attempt = (upstream: Upstream) => sendCounted(upstream, send, signal);
      return (await tryServers(first, next, attempt, signal)) ?? overflow(send, signal);
    },
    async relay(send, signal) {
      const next = (tried: ReadonlySet<Upstream>): Upstream | undefined => {
        const up = upstreams.filter((upstream) => upstream.up && !tried.has(upstream));
        return up[relayTurn++ % up.length];
      };
      const attempt = async (upstream: Upstream) => {
        signal.throwIfAborted();
        events.sent(upstream);
        return (await send(upstream.origin)).answer;
      };
      return (await tryServers(next(new Set()), next, attempt, signal)) ?? overflow(send, signal);
    },
    wake,
    waiting: () => buffer.length,
  };
}

/** Measures the answers per second over the last seconds. */
function createAnswerRate() {
  let [since, count, perSecond] = [performance.now(), 0, 0];
  return {
    count(): void {
      count++;
      const seconds = (performance.now() - since) / 1000;
      if (seconds < 1) return;
      [since, perSecond, count] = [performance.now(), count / seconds, 0];
    },
    /** Seconds until this many requests are answered, from 1 to 60. */
    secondsFor: (requests: number): number => Math.min(60, Math.max(1, Math.ceil(requests / Math.max(1, perSecond)))),
  };
}
