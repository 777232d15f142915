import type { ServerResponse } from 'node:http';

/** Why nobody waits for an answer any more: status 499 (which nobody reads) where the client is gone, 504 where its time is over. */
export class Impatient extends Error {
  override readonly name = 'Impatient';

  constructor(
    message: string,
    readonly statusCode: 499 | 504,
  ) {
    super(message);
  }
}

/** How long someone waits for an answer. */
export interface Patience {
  /** Aborted, with Impatient as its reason, when the client's connection ends or its time is over. */
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
  const gone = (): void => controller.abort(new Impatient('the client went away', 499));
  response.once('close', gone);
  return {
    signal: controller.signal,
    limit(ms) {
      const late = (): void => controller.abort(new Impatient(`timeout: no answer within ${ms} ms`, 504));
      timer = setTimeout(late, Math.min(Math.max(0, came + ms - performance.now()), 2 ** 31 - 1));
    },
    end() {
      clearTimeout(timer);
      response.off('close', gone);
    },
  };
}
