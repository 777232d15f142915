import { UserError } from '../base/errors.js';
import { suggestName } from '../base/suggest-name.js';

/** A connection between browser and edge server. */
export interface ConnectionProfile {
  readonly name: string;
  /** Megabits (millions of bits) a second. */
  readonly upMbps: number;
  readonly downMbps: number;
  /** Time from a request to the first byte of the response, without the server's work. */
  readonly roundTripMs: number;
  /** Source of the numbers. */
  readonly source: string;
}

/** The connections of `plan` and the benchmarks. */
export const CONNECTIONS: readonly ConnectionProfile[] = [
  {
    name: '3g',
    upMbps: 0.768,
    downMbps: 1.6,
    roundTripMs: 300,
    source: 'WebPageTest, profile "3G" (connectivity.ini)',
  },
  {
    name: '4g',
    upMbps: 1.35,
    downMbps: 8.1,
    roundTripMs: 165,
    source: 'Chromium, preset "Fast 4G" of the developer tools',
  },
  {
    name: '5g',
    upMbps: 150,
    downMbps: 600,
    roundTripMs: 20,
    source: 'bandwidths: Huang et al. (4.1.1); round trip: what 5 % of mobile users stay below (arXiv 2507.18834)',
  },
  {
    name: 'wifi',
    upMbps: 15,
    downMbps: 30,
    roundTripMs: 2,
    source: 'Firefox, "Wi-Fi" of the network monitor',
  },
];

export const connectionNames: readonly string[] = CONNECTIONS.map(({ name }) => name);

/** The user's numbers. Missing ones are taken from the named profile. */
export type CustomConnection = Partial<Pick<ConnectionProfile, 'upMbps' | 'downMbps' | 'roundTripMs'>>;

/**
 * Finds a profile by name, and replaces its numbers with the user's.
 *
 * @throws UserError if the name is unknown, a bandwidth isn't above 0, or the round trip is below 0
 */
export function connectionProfile(name: string, custom: CustomConnection = {}): ConnectionProfile {
  const known = CONNECTIONS.find((profile) => profile.name === name);
  if (!known) {
    const near = suggestName(name, connectionNames);
    const hint = near ? `; did you mean ${near}?` : '';
    throw new UserError(`network: expected one of ${connectionNames.join(', ')}, found ${name}${hint}`);
  }
  const given = Object.fromEntries(Object.entries(custom).filter(([, value]) => value !== undefined));
  if (Object.keys(given).length === 0) return known;
  const profile = { ...known, ...given, name: `${name}, changed`, source: `${known.source}; changed by flags` };
  for (const [direction, mbps] of [
    ['up', profile.upMbps],
    ['down', profile.downMbps],
  ] as const) {
    if (!(mbps > 0 && mbps < Infinity)) {
      throw new UserError(`--${direction}: expected a bandwidth above 0 Mbit/s, found ${mbps}`);
    }
  }
  if (!(profile.roundTripMs >= 0 && profile.roundTripMs < Infinity)) {
    throw new UserError(`--rtt: expected a round trip of 0 ms or more, found ${profile.roundTripMs}`);
  }
  return profile;
}

/** Time to transfer the bytes, in ms, without the round trip. */
export const transferMs = (bytes: number, mbps: number): number => (8 * bytes) / (1000 * mbps);

/** Parameters that emulate the connection in Chromium (`Network.emulateNetworkConditions` of the DevTools protocol). */
export function emulation({ upMbps, downMbps, roundTripMs }: ConnectionProfile) {
  return {
    offline: false,
    uploadThroughput: (1e6 / 8) * upMbps,
    downloadThroughput: (1e6 / 8) * downMbps,
    latency: roundTripMs,
  };
}
