import type { LoadReport } from './read-report.js';

/** A server behind the gateway, and what is known about it. */
export interface Upstream {
  readonly origin: string;
  /** Requests it should work on at the same time (c_i). */
  capacity: number;
  /** Result of its health checks. A server that is down gets no requests. */
  up: boolean;
  /** Requests the gateway has sent that are not answered yet. */
  inFlight: number;
  /** Requests of other clients, according to its last report. */
  others: number;
  /** Images its tails compute per second of work; 0 while unknown. */
  imagesPerSecond: number;
  /** Whether its metrics include its load, as those of an `lcdnn serve` do; if not, only the gateway's own requests count. */
  reportsLoad: boolean;
  /** Its last report, and when it arrived (`performance.now()`). */
  report?: LoadReport;
  reportedAt: number;
  /** Why its last report could not be read. */
  reportFault?: string;
}

export const createUpstream = (origin: string, capacity: number): Upstream => ({
  origin,
  capacity,
  up: false,
  inFlight: 0,
  others: 0,
  imagesPerSecond: 0,
  reportsLoad: true,
  reportedAt: 0,
});

/** Known requests at a server. Exceeds its capacity if requests wait there. */
export const loadOf = ({ inFlight, others }: Upstream): number => inFlight + others;

export const utilisationOf = (upstream: Upstream): number => loadOf(upstream) / upstream.capacity;

/** The running server with the lowest utilisation, without those in `excluded`. */
export function leastUtilised(
  upstreams: readonly Upstream[],
  excluded: ReadonlySet<Upstream> = new Set(),
): Upstream | undefined {
  const candidates = upstreams.filter((upstream) => upstream.up && !excluded.has(upstream));
  return candidates.reduce<Upstream | undefined>(
    (least, upstream) => (least && utilisationOf(least) <= utilisationOf(upstream) ? least : upstream),
    undefined,
  );
}
