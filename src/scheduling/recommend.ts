import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { readJson } from '../base/json.js';
import type { Settings } from './settings.js';
import { MEASURES, type Measure } from './simulation/summary.js';
import { createWorld } from './world.js';

const measuredSchema = z.record(z.enum(MEASURES), z.object({ mean: z.number(), half: z.number().min(0) }));

const rowSchema = z.object({
  scenario: z.object({
    servers: z.number(),
    spread: z.number(),
    load: z.number(),
    reportEvery: z.number(),
    tracking: z.boolean(),
    forwardSteps: z.number(),
  }),
  policies: z.record(z.string(), measuredSchema),
});

const tableSchema = z.object({ seeds: z.number(), rows: z.array(rowSchema).min(1) });

/** Measured results of the policies in each setting (written by `npm run bench:policies`). */
export type MeasuredTable = z.output<typeof tableSchema>;
export type Scenario = MeasuredTable['rows'][number]['scenario'];

export const MEASURED_FILE = fileURLToPath(new URL('../../schedules/measured.json', import.meta.url));

/** Reads the table of measured policies that ships with lcdnn. @throws UserError if it is damaged */
export function readMeasured(path = MEASURED_FILE): MeasuredTable {
  return readJson(path, tableSchema, 'what "npm run bench:policies" writes', 'install lcdnn again');
}

/** The properties of a setting that make a difference to policies. */
export function scenarioOf(settings: Settings): Scenario {
  const { servers, load, reportEvery, tracking, stepMs } = settings;
  const speeds = servers.map(({ speed }) => speed);
  const { forwardMs } = createWorld(settings);
  return {
    servers: servers.length,
    spread: Math.max(...speeds) / Math.min(...speeds),
    load,
    reportEvery,
    // With a report in every step, counting between reports makes no difference.
    tracking: tracking || reportEvery === 1,
    forwardSteps: forwardMs.reduce((sum, ms) => sum + ms, 0) / forwardMs.length / stepMs,
  };
}

/** Distance between two settings. Differences that change which policy is best have the largest weights. */
function distance(a: Scenario, b: Scenario): number {
  const ratio = (x: number, y: number): number => Math.abs(Math.log(x / y));
  return (
    0.5 * ratio(a.servers, b.servers) +
    2 * ratio(a.spread, b.spread) +
    2 * Math.abs(a.load - b.load) +
    ratio(a.reportEvery, b.reportEvery) +
    (a.tracking === b.tracking ? 0 : 3) +
    ratio(a.forwardSteps + 0.1, b.forwardSteps + 0.1)
  );
}

/** Simplest policy first. When the measurements can't tell policies apart, the simplest one is recommended. */
const SIMPLEST = ['least-loaded', 'power-of-two', 'always-high', 'fastest', 'average', 'closest', 'random'];

export interface Ranked {
  readonly policy: string;
  readonly mean: number;
  readonly half: number;
  /** Whether its 95 % interval overlaps the interval of the best policy. */
  readonly tied: boolean;
}

export interface Recommendation {
  readonly policy: string;
  /** The measured setting that is nearest to the requested one. */
  readonly scenario: Scenario;
  /** All policies, the best one first. */
  readonly ranking: readonly Ranked[];
}

/** Recommends a policy: the simplest of those that tie for the best result in the nearest measured setting. */
export function recommend(table: MeasuredTable, settings: Settings, measure: Measure): Recommendation {
  const wanted = scenarioOf(settings);
  const nearest = table.rows.reduce((best, row) =>
    distance(wanted, row.scenario) < distance(wanted, best.scenario) ? row : best,
  );
  const values = Object.entries(nearest.policies).map(([policy, measured]) => ({ policy, ...measured[measure] }));
  values.sort((a, b) => a.mean - b.mean);
  const [best] = values;
  const ranking = values.map((value) => ({ ...value, tied: value.mean - value.half <= best.mean + best.half }));
  const tied = ranking.filter((one) => one.tied).map(({ policy }) => policy);
  const policy = SIMPLEST.find((name) => tied.includes(name)) ?? best.policy;
  return { policy, scenario: nearest.scenario, ranking };
}
