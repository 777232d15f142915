/** What no browser, HTTP client or HTTP proxy does, and how many points it costs: about a millisecond of work each. */
export const MISUSE_POINTS = {
  'too many unanswered requests': 10,
  'tiny chunks': 10,
  'costly JSON': 1,
  'long header': 1,
  'invalid HTTP': 1,
};
export type Misuse = keyof typeof MISUSE_POINTS;

/** Points of one client within the window that start a penalty. */
export const MOST_POINTS = 200;
/** Milliseconds from a client's first point until its points are forgotten. */
const WINDOW_MS = 10_000;
/** Milliseconds of a client's first penalty. Each further one takes twice as long as the one before, up to the limit. */
const FIRST_PENALTY_MS = 10_000;
const LONGEST_PENALTY_MS = 600_000;
/** Milliseconds after a penalty's end in which the next one is a repetition. */
const FORGIVEN_MS = 3_600_000;
/** Clients that are remembered. With more of them, those counted first are forgotten. */
const MOST_CLIENTS = 10_000;

/** Which clients misuse the server so often that their connections are closed without reading from them. */
export interface Penalties {
  /** Counts a client's misuse. @returns whether its penalty starts now */
  count(client: string, misuse: Misuse): boolean;
  has(client: string): boolean;
  /** Seconds of a client's latest penalty. */
  secondsOf(client: string): number;
}

/** @param now monotonic time in milliseconds */
export function createPenalties(now: () => number = () => performance.now()): Penalties {
  const windows = new Map<string, { readonly since: number; points: number }>();
  const penalties = new Map<string, { readonly end: number; readonly ms: number }>();

  const remember = <Value>(map: Map<string, Value>, client: string, value: Value): void => {
    map.delete(client); // it goes to the end of the map
    map.set(client, value);
    if (map.size > MOST_CLIENTS) map.delete(map.keys().next().value!);
  };
  const has = (client: string): boolean => now() < (penalties.get(client)?.end ?? -Infinity);
  const lengthOfNext = (client: string): number => {
    const last = penalties.get(client);
    if (!last || now() - last.end >= FORGIVEN_MS) return FIRST_PENALTY_MS;
    return Math.min(2 * last.ms, LONGEST_PENALTY_MS);
  };

  return {
    has,
    secondsOf: (client) => (penalties.get(client)?.ms ?? 0) / 1000,
    count(client, misuse) {
      if (has(client)) return false;
      let window = windows.get(client);
      if (!window || now() - window.since >= WINDOW_MS) {
        window = { since: now(), points: 0 };
        remember(windows, client, window);
      }
      window.points += MISUSE_POINTS[misuse];
      if (window.points < MOST_POINTS) return false;
      windows.delete(client);
      const ms = lengthOfNext(client);
      remember(penalties, client, { end: now() + ms, ms });
      return true;
    },
  };
}
