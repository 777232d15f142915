import type { LoadReport } from './read-report.js';

/** A server behind the gateway, as far as is known of it. */
export interface Upstream {
  readonly origin: string;
  /** Requests that it is to have at a time (c_i). */
  readonly capacity: number;
  /** By its health checks; nothing is sent to one that is down. */
  up: boolean;
  /** Requests that the gateway has there. */
  inFlight: number;
  /** Requests that others have there, by its last report. */
  others: number;
  /** Images that its tails computed in a second of their work; 0 until it is known. */
  imagesPerSecond: number;
  /** Its last report, and when that came, by `performance.now()`. */
  report?: LoadReport;
  reportedAt: number;
  /** Why its last report is of no use. */
  reportFault?: string;
}

export const createUpstream = (origin: string, capacity: number): Upstream => ({
  origin,
  capacity,
  up: false,
  inFlight: 0,
  others: 0,
  imagesPerSecond: 0,
  reportedAt: 0,
});

/** Requests at a server, as far as is known; above its capacity where some wait there. */
export const loadOf = ({ inFlight, others }: Upstream): number => inFlight + others;

export const utilisationOf = (upstream: Upstream): number => loadOf(upstream) / upstream.capacity;

/** The one that is up and has the lowest utilisation. @param but never this one */
export function leastUtilised(upstreams: readonly Upstream[], but?: Upstream): Upstream | undefined {
  const others = upstreams.filter((upstream) => upstream.up && upstream !== but);
  return others.reduce<Upstream | undefined>(
    (least, upstream) => (least && utilisationOf(least) <= utilisationOf(upstream) ? least : upstream),
    undefined,
  );
}
