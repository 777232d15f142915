import { messageOf } from '../base/errors.js';
import { type LoadReport, readReport } from './read-report.js';
import { repeat } from './repeat.js';
import type { Upstream } from './upstream.js';

/** Weight of a new measurement in the moving average of the speed. */
const NEW_WEIGHT = 0.2;

/** Fetches the metrics of a server. @throws if the server does not answer */
export type FetchMetrics = (origin: string) => Promise<{ readonly status: number; readonly text: string }>;

/** Regularly reads the metrics of servers. */
export interface ReportPolling {
  watch(upstream: Upstream): void;
  forget(upstream: Upstream): void;
  stop(): void;
}

/**
 * Regularly reads the metrics of every server. Each has its own timer, so a slow server doesn't delay the others.
 *
 * @param onError receives unexpected errors
 */
export function pollReports(
  upstreams: readonly Upstream[],
  fetchMetrics: FetchMetrics,
  everyMs: number,
  onError: (thrown: unknown) => void,
): ReportPolling {
  const stops = new Map<Upstream, () => void>();
  const watch = (upstream: Upstream): void => {
    if (stops.has(upstream)) return;
    const poll = () => (upstream.up ? takeReport(upstream, fetchMetrics) : undefined);
    stops.set(upstream, repeat(everyMs, poll, onError));
  };
  const forget = (upstream: Upstream): void => {
    stops.get(upstream)?.();
    stops.delete(upstream);
  };
  upstreams.forEach(watch);
  return {
    watch,
    forget,
    stop() {
      for (const upstream of [...stops.keys()]) forget(upstream);
    },
  };
}

/**
 * Reads one report of a server. If it can't be read, `reportFault` says why. A server without such reports, as another
 * Open Inference server, counts with the gateway's own requests. Whether a server is up is decided by its health checks,
 * not here.
 */
export async function takeReport(upstream: Upstream, fetchMetrics: FetchMetrics): Promise<void> {
  const before = upstream.inFlight;
  const found = await fetchMetrics(upstream.origin).catch(() => undefined);
  if (!found) return;
  try {
    if (found.status !== 200 && found.status !== 404) throw new Error(`expected HTTP 200, found ${found.status}`);
    const report = found.status === 200 ? readReport(found.text) : undefined;
    upstream.reportsLoad = report !== undefined;
    upstream.reportedAt = performance.now();
    upstream.reportFault = undefined;
    if (!report) {
      upstream.others = 0;
      return;
    }
    // The report may include this many requests of the gateway.
    const ownInFlight = Math.max(before, upstream.inFlight);
    upstream.others = Math.max(0, report.inFlight - ownInFlight);
    measureSpeed(upstream, report);
    upstream.report = report;
  } catch (thrown) {
    upstream.others = 0; // only the gateway's own counts are certain
    upstream.reportFault = messageOf(thrown);
  }
}

function measureSpeed(upstream: Upstream, { images, batchSeconds }: LoadReport): void {
  const { report: last, imagesPerSecond: before } = upstream;
  const seconds = batchSeconds - (last?.batchSeconds ?? 0);
  const now = (images - (last?.images ?? 0)) / seconds;
  if (!(seconds > 0 && now > 0)) return; // the server was idle or has restarted
  upstream.imagesPerSecond = before === 0 ? now : (1 - NEW_WEIGHT) * before + NEW_WEIGHT * now;
}
