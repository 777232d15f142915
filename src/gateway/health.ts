import { repeat } from './repeat.js';
import type { Upstream } from './upstream.js';

/** Consecutive failed checks after which a server is taken out, and consecutive good ones after which it returns. */
const FALL = 2;
const RISE = 2;

export interface Health {
  /** Checks a server immediately, because it did not answer a request. */
  suspect(upstream: Upstream): void;
  /** Takes a server out immediately, because nothing listens there. */
  eject(upstream: Upstream): void;
  /** Starts to check a server that was added. */
  watch(upstream: Upstream): void;
  /** Stops to check a server that was removed. */
  forget(upstream: Upstream): void;
  stop(): void;
}

export interface HealthEvents {
  /** A server went down or came up. */
  changed(upstream: Upstream): void;
  /** A check failed with an error. */
  failed(thrown: unknown): void;
}

/**
 * Takes servers out that fail two checks in a row, and lets them in again after two good ones.
 *
 * @param isReady asks a server whether it is ready
 */
export function watchHealth(
  upstreams: readonly Upstream[],
  isReady: (origin: string) => Promise<boolean>,
  everyMs: number,
  events: HealthEvents,
): Health {
  /** For each watched server, the consecutive checks that contradict `up`, and what stops its checks. */
  const watched = new Map<Upstream, { contradictions: number; readonly stop: () => void }>();
  const suspected = new Set<Upstream>();

  const turn = (upstream: Upstream, up: boolean): void => {
    const entry = watched.get(upstream);
    if (!entry) return;
    entry.contradictions = 0;
    if (upstream.up === up) return;
    upstream.up = up;
    if (!up) upstream.others = 0;
    events.changed(upstream);
  };
  const check = async (upstream: Upstream): Promise<void> => {
    const ready = await isReady(upstream.origin);
    const entry = watched.get(upstream);
    if (!entry) return;
    entry.contradictions = ready === upstream.up ? 0 : entry.contradictions + 1;
    if (entry.contradictions >= (upstream.up ? FALL : RISE)) turn(upstream, ready);
  };
  const watch = (upstream: Upstream): void => {
    if (watched.has(upstream)) return;
    const stop = repeat(everyMs, () => check(upstream), events.failed);
    watched.set(upstream, { contradictions: 0, stop });
  };
  const forget = (upstream: Upstream): void => {
    watched.get(upstream)?.stop();
    watched.delete(upstream);
  };
  upstreams.forEach(watch);

  return {
    suspect(upstream) {
      if (suspected.has(upstream)) return; // one check serves all requests that failed there
      suspected.add(upstream);
      void check(upstream)
        .catch(events.failed)
        .finally(() => suspected.delete(upstream));
    },
    eject: (upstream) => turn(upstream, false),
    watch,
    forget,
    stop() {
      for (const upstream of [...watched.keys()]) forget(upstream);
    },
  };
}
