import { Flags } from '@oclif/core';
import { UserError } from '../base/errors.js';
import type { Conditions } from '../baselines/measure/visit.js';
import { connectionNames, connectionProfile } from '../plan/connections.js';
import { dataFlags } from './data-flags.js';
import { numberFlag } from './number-flag.js';

/** Flags for the connections and processor speeds that pages are measured under. */
export const conditionFlags = {
  network: Flags.string({
    summary: `Connections, separated by commas: ${connectionNames.join(', ')}.`,
    default: '4g',
  }),
  up: numberFlag("Uplink in Mbit/s, instead of the connection's."),
  down: numberFlag("Downlink in Mbit/s, instead of the connection's."),
  rtt: numberFlag("Round trip in ms, instead of the connection's."),
  slowdown: Flags.string({
    summary: "How many times slower the browser's processor is made, separated by commas.",
    default: '1',
  }),
};

/** Flags for the browser and edge server that measure. */
export const hostFlags = {
  threads: Flags.integer({
    summary: 'Number of threads that compute one batch on the edge. [default: all processors but one]',
    min: 1,
  }),
  browser: Flags.string({
    summary: 'Path of a Chromium or Chrome. [default: CHROMIUM_PATH, or the usual places]',
  }),
  ...dataFlags,
};

/** Their values. */
export interface ConditionFlags {
  readonly network: string;
  readonly up?: number;
  readonly down?: number;
  readonly rtt?: number;
  readonly slowdown: string;
}

/** Every connection with every slowdown. @throws UserError if one is unknown or out of range */
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

/** The only condition. @throws UserError if there are several */
export function conditionOf(flags: ConditionFlags): Conditions {
  const [first, ...others] = conditionsOf(flags);
  if (others.length === 0) return first;
  throw new UserError(`expected one connection and one slowdown, found ${flags.network} and ${flags.slowdown}`);
}
