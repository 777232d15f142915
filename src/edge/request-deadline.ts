import type { ServerResponse } from 'node:http';
import { Refusal } from './errors.js';

/** How long someone waits for an answer. An AbortSignal for each request would be 7 % of what a small network's takes. */
export interface RequestDeadline {
  /** Why nobody waits any more, once it is so: the client's connection has ended (499, which nobody reads) or its time is over (504). */
  over(): Error | undefined;
  /** Has a listener hear of that, when it comes. */
  onceOver(listener: (reason: Error) => void): void;
}

export interface ClientDeadline extends RequestDeadline {
  /** Gives a client this many milliseconds, counted from when its request came. */
  limit(ms: number): void;
  /** Ends the watch over the connection. */
  end(): void;
}

export function watchRequest(response: ServerResponse): ClientDeadline {
  const came = performance.now();
  const listeners: ((reason: Error) => void)[] = [];
  let reason: Error | undefined;
  let timer: NodeJS.Timeout | undefined;
  const stop = (why: Refusal): void => {
    if (reason) return;
    reason = why;
    for (const listener of listeners) listener(why);
  };
  const gone = (): void => stop(new Refusal(499, 'the client went away'));
  response.once('close', gone);
  return {
    over: () => reason,
    onceOver: (listener) => void listeners.push(listener),
    limit(ms) {
      const late = (): void => stop(new Refusal(504, `timeout: no answer within ${ms} ms`));
      timer = setTimeout(late, Math.min(Math.max(0, came + ms - performance.now()), 2 ** 31 - 1));
    },
    end() {
      clearTimeout(timer);
      response.off('close', gone);
    },
  };
}

/** The same for those who want a signal. */
export function signalOf(deadline: RequestDeadline): AbortSignal {
  const reason = deadline.over();
  if (reason) return AbortSignal.abort(reason);
  const controller = new AbortController();
  deadline.onceOver((reason) => controller.abort(reason));
  return controller.signal;
}
