import type { ServerResponse } from 'node:http';
import { Refusal } from './errors.js';

/** When a request needs no answer any more. (An AbortSignal for each request would cost 7 % of a small network's time.) */
export interface RequestDeadline {
  /** Why the request is over: the client disconnected (499, which nobody reads) or its time is up (504). */
  over(): Error | undefined;
  /** Calls `listener` once the deadline passes or the client disconnects. */
  onceOver(listener: (reason: Error) => void): void;
}

export interface ClientDeadline extends RequestDeadline {
  /** Sets the deadline, in milliseconds after the request arrived. */
  limit(ms: number): void;
  /** Stops watching the connection. */
  end(): void;
}

/** Watches whether the client of a response is still waiting. */
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
  const gone = (): void => stop(new Refusal(499, 'the client disconnected'));
  response.once('close', gone);
  return {
    over: () => reason,
    onceOver: (listener) => void listeners.push(listener),
    limit(ms) {
      const late = (): void => stop(new Refusal(504, `timeout: no answer within ${ms} ms`));
      clearTimeout(timer);
      timer = setTimeout(late, Math.min(Math.max(0, came + ms - performance.now()), 2 ** 31 - 1));
    },
    end() {
      clearTimeout(timer);
      response.off('close', gone);
    },
  };
}

/** The deadline as an AbortSignal. */
export function signalOf(deadline: RequestDeadline): AbortSignal {
  const reason = deadline.over();
  if (reason) return AbortSignal.abort(reason);
  const controller = new AbortController();
  deadline.onceOver((reason) => controller.abort(reason));
  return controller.signal;
}
