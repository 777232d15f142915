import { clientOf } from './client-address.js';
import { Refusal } from './errors.js';

/** Limits how often one client may do something in a second. */
export interface RateLimit {
  /** Counts a request. @throws Refusal (429) if the client has exceeded its limit */
  count(address: string): void;
  /** The same without counting. */
  check(address: string): void;
}

const WINDOW_MS = 1000;
/** Clients that are remembered. With more clients in a second, those counted first are forgotten. */
const MOST_CLIENTS = 10_000;

/** Why a request beyond the limit is refused. */
export const rateRefusal = (perSecond: number): string =>
  `expected at most ${perSecond} requests a second from one address, found more`;

/**
 * A fixed window of a second for each client. Time is monotonic: setting the system clock back doesn't lock clients out.
 *
 * @param perSecond requests of one client in a second
 */
export function createRateLimit(perSecond: number, now: () => number = () => performance.now()): RateLimit {
  const windows = new Map<string, { readonly since: number; count: number }>();
  const currentWindow = (client: string) => {
    const window = windows.get(client);
    return window && now() - window.since < WINDOW_MS ? window : undefined;
  };
  const refuseBeyond = (count: number, limit: number): void => {
    if (count > limit) throw new Refusal(429, rateRefusal(perSecond), { retryAfterS: 1 });
  };
  return {
    count(address) {
      const client = clientOf(address);
      const window = currentWindow(client);
      if (window) return refuseBeyond(++window.count, perSecond);
      windows.delete(client); // a new window goes to the end of the map
      windows.set(client, { since: now(), count: 1 });
      if (windows.size > MOST_CLIENTS) windows.delete(windows.keys().next().value!);
    },
    check: (address) => refuseBeyond((currentWindow(clientOf(address))?.count ?? 0) + 1, perSecond),
  };
}
