import { repeat } from './repeat.js';
import type { Upstream } from './upstream.js';

/** Checks in a row after which a server is taken out, and let in again. */
const FALL = 2;
const RISE = 2;

export interface Health {
  /** A server did not answer: looks at once how it is. */
  suspect(upstream: Upstream): void;
  /** Nobody listens there: takes it out at once. */
  eject(upstream: Upstream): void;
  stop(): void;
}

/**
 * Takes servers out that fail two checks in a row, and lets them in again after two good ones.
 *
 * @param isReady asks a server; it never throws
 * @param onChange hears of each that goes down or comes up
 */
export function watchHealth(
  upstreams: readonly Upstream[],
  isReady: (origin: string) => Promise<boolean>,
  everyMs: number,
  onChange: (upstream: Upstream) => void,
): Health {
  /** Checks in a row that contradict `up`. */
  const against = new Map<Upstream, number>(upstreams.map((upstream) => [upstream, 0]));
  const turn = (upstream: Upstream, up: boolean): void => {
    against.set(upstream, 0);
    if (upstream.up === up) return;
    upstream.up = up;
    if (!up) upstream.others = 0;
    onChange(upstream);
  };
  const check = async (upstream: Upstream): Promise<void> => {
    const ready = await isReady(upstream.origin);
    const count = ready === upstream.up ? 0 : against.get(upstream)! + 1;
    against.set(upstream, count);
    if (count >= (upstream.up ? FALL : RISE)) turn(upstream, ready);
  };
  const stops = upstreams.map((upstream) => repeat(everyMs, () => check(upstream)));
  const suspected = new Set<Upstream>();
  return {
    suspect(upstream) {
      if (suspected.has(upstream)) return; // many requests may have been there
      suspected.add(upstream);
      void check(upstream).finally(() => suspected.delete(upstream));
    },
    eject: (upstream) => turn(upstream, false),
    stop() {
      for (const stop of stops) stop();
    },
  };
}
