import type { ServerResponse } from 'node:http';
import { Refusal } from './errors.js';

/** How long someone waits for an answer. */
export interface Patience {
  /** Aborted when the client's connection ends (499, which nobody reads) or its time is over (504). */
  readonly signal: AbortSignal;
  /** Gives a client this many milliseconds, counted from when its request came. */
  limit(ms: number): void;
  /** Ends the watch over the connection. */
  end(): void;
}

export function patienceOf(response: ServerResponse): Patience {
  const controller = new AbortController();
  const came = performance.now();
  let timer: NodeJS.Timeout | undefined;
  const gone = (): void => controller.abort(new Refusal(499, 'the client went away'));
  response.once('close', gone);
  return {
    signal: controller.signal,
    limit(ms) {
      const late = (): void => controller.abort(new Refusal(504, `timeout: no answer within ${ms} ms`));
      timer = setTimeout(late, Math.min(Math.max(0, came + ms - performance.now()), 2 ** 31 - 1));
    },
    end() {
      clearTimeout(timer);
      response.off('close', gone);
    },
  };
}
