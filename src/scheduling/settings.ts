import { z } from 'zod';
import { UserError } from '../base/errors.js';
import { readJson } from '../base/json.js';

const serverSchema = z.strictObject({
  /** Tasks that it works on at the same time (c_i). */
  capacity: z.int().min(1).max(1_000_000),
  /** Work done in a step on each of them; 1 is the speed by which service times are given. */
  speed: z.number().min(0.01).max(100).default(1),
  /** Where it stands, in km. [default: evenly on a circle of 10 km] */
  place: z.tuple([z.number(), z.number()]).optional(),
  /** Power with no task (asleep: none) and with all places taken; between them it grows with the tasks. */
  idleWatts: z.number().min(0).default(60),
  fullWatts: z.number().min(0).default(180),
});

const range = z
  .tuple([z.int().min(1).max(10_000), z.int().min(1).max(10_000)])
  .refine(([least, most]) => least <= most, { message: 'expected the smaller number first' });

const share = z.number().min(0).max(1);

/** What is simulated. Times of service and of failures are in steps, delays in ms. */
const settingsSchema = z.strictObject({
  servers: z.array(serverSchema).min(1).max(256),
  /** Work that arrives, as a share of what all servers can do. */
  load: z.number().positive().max(10).default(0.8),
  /** Steps in which tasks arrive; the simulation then goes on until all are placed. */
  steps: z.int().min(1).max(1_000_000).default(50),
  stepMs: z.number().positive().max(3_600_000).default(10),
  /** Task slots that a decision sees (M), and room in the queue behind them. */
  slots: z.int().min(1).max(100_000).default(500),
  buffer: z.int().min(0).max(1_000_000).default(2000),
  /** Share of the free capacity that a low offer has; a high one has the rest (3.3.1). */
  eta: z.number().gt(0).lt(0.1).default(0.05),
  /** Service times at speed 1: most tasks short, some long, as in DeepRM. */
  service: z
    .strictObject({ short: range, long: range, longShare: share })
    .default({ short: [1, 3], long: [10, 15], longShare: 0.2 }),
  /** How unevenly users stand (0: evenly), and the steps in which the crowd moves once around. */
  skew: z.number().min(0).max(10).default(0.5),
  crowdPeriod: z.number().positive().default(100),
  /** Delay of a task that another server than its closest works on. */
  forwardMsPerKm: z.number().min(0).default(0.1),
  /** Which of the offers are taken where there are more than tasks. */
  filling: z.enum(['proportional', 'nearest']).default('proportional'),
  /** Servers report their load every so many steps; between reports the scheduler counts what it sends, or does not. */
  reportEvery: z.int().min(1).max(10_000).default(1),
  tracking: z.boolean().default(true),
  /** Servers that are down from a step to another; what they worked on is begun anew elsewhere. */
  failures: z.array(z.strictObject({ server: z.int().min(0), from: z.int().min(0), to: z.int().min(1) })).default([]),
  /** Remote cloud that takes what finds no room in the buffer: its delay, and the price of a task there. */
  cloudMs: z.number().min(0).default(100),
  cloudPrice: z.number().min(0).default(1),
  /** A task that takes longer is late. */
  deadlineMs: z.number().positive().default(200),
});

export type Settings = z.output<typeof settingsSchema>;
export type GivenSettings = z.input<typeof settingsSchema>;

/** The paper's testbed (4.5): three equal servers that work on 500 tasks each. */
export const PAPER_SERVERS: GivenSettings['servers'] = Array.from({ length: 3 }, () => ({ capacity: 500 }));

/**
 * Settings with their defaults filled in.
 *
 * @param origin where they came from, for the message.
 * @throws UserError that names each value that is wrong.
 */
export function resolveSettings(given: unknown, origin = 'settings'): Settings {
  const isObject = typeof given === 'object' && given !== null && !Array.isArray(given);
  const checked = settingsSchema.safeParse(isObject ? { servers: PAPER_SERVERS, ...given } : given);
  if (!checked.success) {
    const said = checked.error.issues.map(({ path, message }) => [path.join('.'), message].filter(Boolean).join(': '));
    throw new UserError(`${origin}: ${said.join('; ')}`);
  }
  for (const { server, from, to } of checked.data.failures) {
    if (server < checked.data.servers.length && from < to) continue;
    throw new UserError(
      `${origin}: expected a failure of one of ${checked.data.servers.length} servers from a step to a later one, ` +
        `found server ${server} (counted from 0) from ${from} to ${to}`,
    );
  }
  return checked.data;
}

/** Reads a settings file: any of the settings. @throws UserError */
export function readSettings(path: string): Partial<GivenSettings> {
  const read = readJson(path, z.unknown(), 'settings of a simulation');
  resolveSettings(read, path);
  return read as Partial<GivenSettings>;
}
