import { z } from 'zod';
import { UserError } from '../base/errors.js';
import { readJson } from '../base/json.js';

const serverSchema = z.strictObject({
  /** Tasks that the server can work on at the same time (c_i). */
  capacity: z.int().min(1).max(1_000_000),
  /** Work done on each task per step. Service times are given for speed 1. */
  speed: z.number().min(0.01).max(100).default(1),
  /** Position in km. By default the servers stand evenly on a circle with a radius of 10 km. */
  place: z.tuple([z.number(), z.number()]).optional(),
  /** Power at the lowest load and at full capacity, linear in between. A server without tasks sleeps and uses none. */
  idleWatts: z.number().min(0).default(60),
  fullWatts: z.number().min(0).default(180),
});

const range = z
  .tuple([z.int().min(1).max(10_000), z.int().min(1).max(10_000)])
  .refine(([least, most]) => least <= most, { message: 'expected the smaller number first' });

const share = z.number().min(0).max(1);

/** Settings of a simulation. Service times and failure times are in steps, delays in ms. */
const settingsSchema = z.strictObject({
  servers: z.array(serverSchema).min(1).max(256),
  /** Work that arrives, as a share of what all servers can do together. */
  load: z.number().positive().max(10).default(0.8),
  /** Steps in which tasks arrive. The simulation then continues until every task has a server. */
  steps: z.int().min(1).max(1_000_000).default(50),
  stepMs: z.number().positive().max(3_600_000).default(10),
  /** Task slots that a decision sees (M), and the number of tasks that can queue behind them. */
  slots: z.int().min(1).max(100_000).default(500),
  buffer: z.int().min(0).max(1_000_000).default(2000),
  /** A low offer is this share of the free capacity; a high offer is the rest (section 3.3.1). */
  eta: z.number().gt(0).lt(0.1).default(0.05),
  /** Service times at speed 1: most tasks are short, some are long, as in DeepRM. */
  service: z
    .strictObject({ short: range, long: range, longShare: share })
    .default({ short: [1, 3], long: [10, 15], longShare: 0.2 }),
  /** How strongly the users crowd together (0: evenly spread), and the steps the crowd takes to move once around. */
  skew: z.number().min(0).max(10).default(0.5),
  crowdPeriod: z.number().positive().default(100),
  /** Delay per km of a task that runs on a server other than its closest. */
  forwardMsPerKm: z.number().min(0).default(0.1),
  /** Which offers are used when the servers offer to take more tasks than are waiting. */
  filling: z.enum(['proportional', 'nearest']).default('proportional'),
  /** Steps between two load reports of a server, and whether the scheduler counts the tasks it sends in between. */
  reportEvery: z.int().min(1).max(10_000).default(1),
  tracking: z.boolean().default(true),
  /** Servers that are down between two steps. Their tasks start again on another server. */
  failures: z.array(z.strictObject({ server: z.int().min(0), from: z.int().min(0), to: z.int().min(1) })).default([]),
  /** Delay and price per task of the remote cloud, which takes tasks that don't fit into the buffer. */
  cloudMs: z.number().min(0).default(100),
  cloudPrice: z.number().min(0).default(1),
  /** A task is late if it takes longer than this. */
  deadlineMs: z.number().positive().default(200),
});

export type Settings = z.output<typeof settingsSchema>;
export type GivenSettings = z.input<typeof settingsSchema>;

/** The testbed of the paper (section 4.5): three equal servers with a capacity of 500 tasks each. */
export const PAPER_SERVERS: GivenSettings['servers'] = Array.from({ length: 3 }, () => ({ capacity: 500 }));

/**
 * Settings with their defaults filled in.
 *
 * @param origin where the settings came from, for the error message.
 * @throws UserError that names each invalid value.
 */
export function resolveSettings(given: unknown, origin = 'settings'): Settings {
  const isObject = typeof given === 'object' && given !== null && !Array.isArray(given);
  const checked = settingsSchema.safeParse(isObject ? { servers: PAPER_SERVERS, ...given } : given);
  if (!checked.success) {
    const problems = checked.error.issues.map(({ path, message }) =>
      [path.join('.'), message].filter(Boolean).join(': '),
    );
    throw new UserError(`${origin}: ${problems.join('; ')}`);
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

/** Reads a settings file, which may contain any subset of the settings. @throws UserError */
export function readSettings(path: string): Partial<GivenSettings> {
  const read = readJson(path, z.unknown(), 'settings of a simulation');
  resolveSettings(read, path);
  return read as Partial<GivenSettings>;
}
