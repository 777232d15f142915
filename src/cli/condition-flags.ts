import { Flags } from '@oclif/core';
import { UserError } from '../base/errors.js';
import type { Conditions } from '../baselines/measure/visit.js';
import { PUBLISHED_POWERS } from '../baselines/results/powers.js';
import { connectionNames, connectionProfile } from '../plan/connections.js';
import { numberFlag } from './number-flag.js';

/** Flags of the conditions that pages are measured under. */
export const conditionFlags = {
  network: Flags.string({
    summary: `Connections, separated by commas: ${connectionNames.join(', ')}.`,
    default: '4g',
  }),
  up: numberFlag("Uplink in Mbit/s, instead of the connection's."),
  down: numberFlag("Downlink in Mbit/s, instead of the connection's."),
  rtt: numberFlag("Round trip in ms, instead of the connection's."),
  slowdown: Flags.string({
    summary: "How many times slower than this machine's the browser's processor is, separated by commas.",
    default: '1',
  }),
};

/** Flags of what pages are measured with. */
export const hostFlags = {
  threads: Flags.integer({ summary: 'Threads of the edge for one batch. [default: all processors but one]', min: 1 }),
  browser: Flags.string({
    summary: 'Program of a Chromium or Chrome; default: CHROMIUM_PATH, or where it is installed.',
  }),
  'data-dir': Flags.directory({ summary: 'Folder that holds the files of the data set.' }),
};

/** A visit that takes longer, in ms, is not repeated. */
export const LONG_VISIT_MS = 15_000;

/** What they were given. */
export interface ConditionFlags {
  readonly network: string;
  readonly up?: number;
  readonly down?: number;
  readonly rtt?: number;
  readonly slowdown: string;
}

/** Every connection with every processor. @throws UserError where one is unknown or makes no sense */
export function conditionsOf({ network, up, down, rtt, slowdown }: ConditionFlags): Conditions[] {
  const slowdowns = slowdown.split(',').map((text) => {
    const times = Number(text);
    if (times >= 1 && times <= 20) return times;
    throw new UserError(`--slowdown: expected numbers from 1 to 20, separated by commas, found ${slowdown}`);
  });
  const custom = { upMbps: up, downMbps: down, roundTripMs: rtt };
  const profiles = network.split(',').map((name) => connectionProfile(name.trim(), custom));
  return slowdowns.flatMap((times) => profiles.map((profile) => ({ network: profile, slowdown: times })));
}

/** The one condition that a command takes. @throws UserError where there are several */
export function conditionOf(flags: ConditionFlags): Conditions {
  const [first, ...others] = conditionsOf(flags);
  if (others.length === 0) return first;
  throw new UserError(`expected one connection and one slowdown, found ${flags.network} and ${flags.slowdown}`);
}

/** What partitions are priced with. */
export const devicePowers = (connection: string) => ({
  computeMw: PUBLISHED_POWERS.processor.busyMw,
  radioMw: PUBLISHED_POWERS.radios[connection.split(',')[0]]?.baseMw ?? 0,
});
