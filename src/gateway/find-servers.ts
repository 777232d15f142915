import type { Logger } from 'pino';
import { UserError } from '../base/errors.js';
import type { Forwarder } from './forward.js';
import { type FetchMetrics, takeReport } from './reports.js';
import type { Upstream } from './upstream.js';

/** Milliseconds to wait for metrics or health. */
const PROBE_MS = 2000;

/** The requests that the gateway itself sends to servers. */
export const serverProbes = (forwarder: Forwarder) => ({
  fetchMetrics: (origin: string) => forwarder.text(origin, '/metrics', PROBE_MS),
  isReady: (origin: string) =>
    forwarder.text(origin, '/v2/health/ready', PROBE_MS).then(
      ({ status }) => status === 200,
      () => false,
    ),
});

/**
 * Checks which servers are ready. Servers that aren't may become ready later.
 *
 * @throws UserError if none is ready
 */
export async function findServers(
  upstreams: readonly Upstream[],
  isReady: (origin: string) => Promise<boolean>,
  fetchMetrics: FetchMetrics,
): Promise<void> {
  if (upstreams.length === 0) throw new UserError('expected servers, found none; give the address of at least one');
  await Promise.all(
    upstreams.map(async (upstream) => {
      upstream.up = await isReady(upstream.origin);
      if (upstream.up) await takeReport(upstream, fetchMetrics);
    }),
  );
  if (!upstreams.some(({ up }) => up)) {
    const urls = upstreams.map(({ origin }) => `${origin}/v2/health/ready`).join(', ');
    throw new UserError(`expected a server that is ready, found none at ${urls}; start them with "lcdnn serve"`);
  }
  const unread = upstreams.find(({ reportFault }) => reportFault !== undefined);
  if (!unread) return;
  throw new UserError(
    `${unread.origin}/metrics: expected metrics that this gateway can read, found a fault (${unread.reportFault})`,
  );
}

/** Warns about servers whose load is unknown. */
export function warnOfUnreportedLoad(upstreams: readonly Upstream[], log: Logger): void {
  for (const { origin } of upstreams.filter(({ up, reportsLoad }) => up && !reportsLoad)) {
    log.warn({ server: origin }, 'the server reports no load; only requests of this gateway to it are counted');
  }
}
