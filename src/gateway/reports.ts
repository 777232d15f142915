import { messageOf } from '../base/errors.js';
import { type LoadReport, readReport } from './read-report.js';
import { repeat } from './repeat.js';
import type { Upstream } from './upstream.js';

/** Weight of a new measurement of speed. */
const NEW = 0.2;

/** Asks a server for its metrics. @throws where it is away */
export type FetchMetrics = (origin: string) => Promise<{ readonly status: number; readonly text: string }>;

/** Reads the metrics of every server again and again, each by itself: a slow one holds up nobody. */
export function pollReports(upstreams: readonly Upstream[], fetchMetrics: FetchMetrics, everyMs: number): () => void {
  const stops = upstreams.map((upstream) =>
    repeat(everyMs, () => (upstream.up ? takeReport(upstream, fetchMetrics) : undefined)),
  );
  return () => {
    for (const stop of stops) stop();
  };
}

/** Reads one report. What is wrong with it stands in `reportFault`; whether a server is there, its health checks tell. */
export async function takeReport(upstream: Upstream, fetchMetrics: FetchMetrics): Promise<void> {
  const before = upstream.inFlight;
  const found = await fetchMetrics(upstream.origin).catch(() => undefined);
  if (!found) return;
  try {
    if (found.status !== 200) throw new Error(`expected HTTP 200, found ${found.status}`);
    const report = readReport(found.text);
    // Requests of the gateway that may be among those in the report.
    const own = Math.max(before, upstream.inFlight);
    upstream.others = Math.max(0, report.inFlight - own);
    measureSpeed(upstream, report);
    upstream.report = report;
    upstream.reportedAt = performance.now();
    upstream.reportFault = undefined;
  } catch (thrown) {
    upstream.others = 0; // only what the gateway counts itself is sure
    upstream.reportFault = messageOf(thrown);
  }
}

function measureSpeed(upstream: Upstream, { images, batchSeconds }: LoadReport): void {
  const { report: last, imagesPerSecond: before } = upstream;
  const seconds = batchSeconds - (last?.batchSeconds ?? 0);
  const now = (images - (last?.images ?? 0)) / seconds;
  if (!(seconds > 0 && now > 0)) return; // idle, or it was started anew
  upstream.imagesPerSecond = before === 0 ? now : (1 - NEW) * before + NEW * now;
}
