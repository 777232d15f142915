import { z } from 'zod';
import { UserError } from '../../base/errors.js';
import type { Objective } from '../simulation/costs.js';
import { COST_NAMES } from '../simulation/costs.js';
import { jointModel } from './joint-model.js';
import type { PolicyModel } from './policy-model.js';
import { serverModel } from './server-model.js';

export const METHODS = ['drlos', 'per-server', 'q-learning'] as const;
export type Method = (typeof METHODS)[number];

const objectiveSchema = z.partialRecord(z.enum(COST_NAMES), z.number().positive());

/** Options of a training run, besides its settings. The defaults are those of the paper (section 4.5). */
export const planSchema = z.strictObject({
  method: z.enum(METHODS).default('drlos'),
  objective: objectiveSchema.default({ variance: 1 } satisfies Objective),
  iterations: z.int().min(1).max(1_000_000).default(1500),
  /** Episodes of each task set (N). */
  episodes: z.int().min(2).max(1000).default(20),
  lr: z.number().positive().max(10).default(0.001),
  update: z.enum(['adam', 'ascent']).default('adam'),
  seed: z.int().nonnegative().default(1),
  /** Trace file to train on instead of random tasks. */
  trace: z.string().optional(),
});

export type Plan = z.output<typeof planSchema>;

/** Fills in the defaults of a plan. @throws UserError that names the invalid option */
export function resolvePlan(given: unknown, origin = 'training'): Plan {
  const checked = planSchema.safeParse(given);
  if (checked.success) return checked.data;
  const problems = checked.error.issues.map(({ path, message }) => [...path, message].join(': '));
  throw new UserError(`${origin}: ${problems.join('; ')}`);
}

/** Creates the model of a training method. @throws UserError as `jointModel` does */
export function modelOf(method: Method, settings: { servers: number; slots: number; eta: number }): PolicyModel {
  return method === 'per-server' ? serverModel() : jointModel(settings);
}
