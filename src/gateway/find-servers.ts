import { UserError } from '../base/errors.js';
import type { Forwarder } from './forward.js';
import { type FetchMetrics, takeReport } from './reports.js';
import type { Upstream } from './upstream.js';

/** Milliseconds for a look at metrics or health. */
const LOOK_MS = 2000;

/** What the gateway itself asks servers. */
export const serverProbes = (forwarder: Forwarder) => ({
  fetchMetrics: (origin: string) => forwarder.text(origin, '/metrics', LOOK_MS),
  isReady: (origin: string) =>
    forwarder.text(origin, '/v2/health/ready', LOOK_MS).then(
      ({ status }) => status === 200,
      () => false,
    ),
});

/** Looks which servers are there. One that is away may come later. @throws UserError where none is there */
export async function findServers(
  upstreams: readonly Upstream[],
  isReady: (origin: string) => Promise<boolean>,
  fetchMetrics: FetchMetrics,
): Promise<void> {
  if (upstreams.length === 0) throw new UserError('expected servers, found none; give their addresses');
  await Promise.all(
    upstreams.map(async (upstream) => {
      upstream.up = await isReady(upstream.origin);
      if (upstream.up) await takeReport(upstream, fetchMetrics);
    }),
  );
  if (!upstreams.some(({ up }) => up)) {
    const asked = upstreams.map(({ origin }) => `${origin}/v2/health/ready`).join(', ');
    throw new UserError(`expected a server that is ready, found none at ${asked}; start them with "lcdnn serve"`);
  }
  const unread = upstreams.find(({ reportFault }) => reportFault !== undefined);
  if (!unread) return;
  throw new UserError(
    `${unread.origin}/metrics: expected the metrics of an "lcdnn serve" of this version (${unread.reportFault})`,
  );
}
