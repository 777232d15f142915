import { ruleNames } from '../scheduling/policies/index.js';
import { namedPolicy } from '../scheduling/policies/named-policy.js';
import type { Settings } from '../scheduling/settings.js';
import { type Estimates, estimates, simulate } from '../scheduling/simulation/simulate.js';
import { readTrace } from '../scheduling/tasks/read-trace.js';
import { createWorld } from '../scheduling/world.js';

export interface SimulateOptions {
  /** The edge servers and their load (`resolveSettings` fills in defaults). */
  readonly settings: Settings;
  /** Names of rules, policy files, or folders of trainings. Default: all rules. */
  readonly policies?: readonly string[];
  /** Seeds, each with its own task sets. Default: 1 to 5. */
  readonly seeds?: readonly number[];
  /** Task sets per seed. Default: 5. */
  readonly episodes?: number;
  /** Trace to replay instead of random tasks: CSV, JSON lines, or a log of `lcdnn serve`. */
  readonly trace?: string;
}

/** Means over the seeds with 95 % intervals. */
export type SimulatedPolicy = Estimates & { readonly policy: string };

/** Simulates policies on the same arrivals. @throws UserError if a policy or the trace can't be read */
export function simulatePolicies(options: SimulateOptions): SimulatedPolicy[] {
  const { settings, policies = ruleNames, seeds = [1, 2, 3, 4, 5], episodes = 5 } = options;
  const world = createWorld(settings);
  const trace = options.trace === undefined ? undefined : readTrace(options.trace, world);
  const named = policies.map((name) => ({ name, policy: namedPolicy(name, settings) }));
  return named.map(({ name, policy }) => ({
    policy: name,
    ...estimates(seeds.map((seed) => simulate(world, policy, seed, episodes, trace))),
  }));
}
