import type { Observation } from '../scheduling/simulation/observation.js';
import { loadOf, type Upstream } from './upstream.js';

/**
 * Describes real servers to a policy. The positions of users are unknown, so tasks rotate over the closest servers and no
 * server is closer than others.
 *
 * @param waiting number of waiting requests
 * @param reportEveryMs milliseconds between two reports
 */
export function observe(upstreams: readonly Upstream[], waiting: number, reportEveryMs: number): Observation {
  const servers = upstreams.length;
  const known = upstreams.filter(({ up, imagesPerSecond }) => up && imagesPerSecond > 0);
  const mean = known.reduce((sum, { imagesPerSecond }) => sum + imagesPerSecond, 0) / known.length;
  const oldest = upstreams.reduce((least, { up, reportedAt }) => (up ? Math.min(least, reportedAt) : least), Infinity);
  const ageMs = Number.isFinite(oldest) ? performance.now() - oldest : 0;
  return {
    capacity: Float64Array.from(upstreams, ({ up, capacity }) => (up ? capacity : 0)),
    speed: Float64Array.from(upstreams, ({ imagesPerSecond }) => (imagesPerSecond > 0 ? imagesPerSecond / mean : 1)),
    load: Float64Array.from(upstreams, loadOf),
    age: Math.min(0.999, ageMs / reportEveryMs),
    waiting,
    behind: 0,
    places: Uint8Array.from({ length: waiting }, (_, slot) => slot % servers),
    nearest: Int32Array.from({ length: servers ** 2 }, (_, at) => (Math.floor(at / servers) + at) % servers),
  };
}
