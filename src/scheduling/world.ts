import type { Settings } from './settings.js';

/** Settings with everything that follows from them, as arrays. `servers` is the number of servers N. */
export interface World {
  readonly settings: Settings;
  readonly servers: number;
  readonly capacity: Float64Array;
  readonly speed: Float64Array;
  /** Delay in ms from a user's closest server (row) to another (column). */
  readonly forwardMs: Float64Array;
  /** For each user position (closest server), all servers ordered by distance (N x N). */
  readonly nearest: Int32Array;
  /** Work that all servers can do in a step: the sum of capacity times speed. */
  readonly workPerStep: number;
  /** Mean work of a task, in steps at speed 1. */
  readonly meanWork: number;
}

const RADIUS_KM = 10;

export function createWorld(settings: Settings): World {
  const { servers } = settings;
  const capacity = Float64Array.from(servers, (server) => server.capacity);
  const speed = Float64Array.from(servers, (server) => server.speed);
  const forwardMs = forwardDelays(settings);
  const { short, long, longShare } = settings.service;
  const middle = ([least, most]: readonly [number, number]): number => (least + most) / 2;
  return {
    settings,
    servers: servers.length,
    capacity,
    speed,
    forwardMs,
    nearest: nearestOrder(forwardMs, servers.length),
    workPerStep: capacity.reduce((sum, places, i) => sum + places * speed[i], 0),
    meanWork: (1 - longShare) * middle(short) + longShare * middle(long),
  };
}

function forwardDelays({ servers, forwardMsPerKm }: Settings): Float64Array {
  const locations = servers.map(({ place }, i) => {
    const angle = (2 * Math.PI * i) / servers.length;
    return place ?? [RADIUS_KM * Math.cos(angle), RADIUS_KM * Math.sin(angle)];
  });
  return Float64Array.from(
    locations.flatMap(([x, y]) => locations.map((other) => forwardMsPerKm * Math.hypot(x - other[0], y - other[1]))),
  );
}

/** Servers at the same distance are ordered around the circle, so that no server is everyone's second choice. */
function nearestOrder(forwardMs: Float64Array, servers: number): Int32Array {
  const delay = (place: number, server: number): number => Math.round(1e6 * forwardMs[place * servers + server]);
  const around = (place: number, server: number): number => (server - place + servers) % servers;
  return Int32Array.from(
    Array.from({ length: servers }, (_, place) =>
      Array.from({ length: servers }, (_, server) => server).sort(
        (a, b) =>
          Number(b === place) - Number(a === place) ||
          delay(place, a) - delay(place, b) ||
          around(place, a) - around(place, b),
      ),
    ).flat(),
  );
}
