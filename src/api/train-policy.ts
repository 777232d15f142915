import { resolve } from 'node:path';
import { lockRun } from '../run/lock.js';
import type { IterationReport } from '../scheduling/learning/train.js';
import { type Plan, resolvePlan } from '../scheduling/learning/training-plan.js';
import type { TrainedPolicy } from '../scheduling/policy-file.js';
import type { Settings } from '../scheduling/settings.js';
import { readTrace } from '../scheduling/tasks/read-trace.js';
import { beginTraining, openTraining, policyFile, runTraining } from '../scheduling/training-run.js';
import { createWorld } from '../scheduling/world.js';

/** What a caller can follow of the training of a policy, and the signal that ends it. */
export interface PolicyTrainingEvents {
  /** Aborting saves the policy after the current iteration and ends training. */
  readonly signal?: AbortSignal;
  /** Called when the training begins or continues. */
  readonly onStart?: (folder: string, trained: TrainedPolicy) => void;
  /** Called after every iteration. */
  readonly onIteration?: (report: IterationReport) => void;
}

export interface TrainPolicyOptions extends PolicyTrainingEvents {
  /** The edge servers and their load (`resolveSettings` fills in defaults). */
  readonly settings: Settings;
  /** Method, objective, iterations, learning rate, ...; anything left out has the paper's value. */
  readonly plan?: Partial<Plan>;
}

export interface PolicyTrainingResult {
  /** Path of the policy, which is also the checkpoint. */
  readonly policy: string;
  readonly plan: Plan;
  /** The last iteration. */
  readonly last?: IterationReport;
  /** Whether the signal ended training before the last iteration. */
  readonly interrupted: boolean;
}

/**
 * Trains a policy that spreads requests over edge servers, in simulation (DRLoS, section 4 of the paper). Writes
 * `policy.safetensors` and `training.jsonl` into a folder.
 *
 * @throws UserError if an option is wrong, or the folder already holds a policy
 */
export async function trainPolicy(folder: string, options: TrainPolicyOptions): Promise<PolicyTrainingResult> {
  const { settings, plan: given = {} } = options;
  const trace = given.trace === undefined ? undefined : resolve(given.trace);
  const plan = resolvePlan({ ...given, trace });
  const world = createWorld(settings);
  if (trace !== undefined) readTrace(trace, world); // reports its errors before anything is written
  return runPolicyTraining(folder, { trained: beginTraining(folder, world, plan), reports: [] }, options);
}

/**
 * Continues the training of a policy, with the same result, bit for bit, as without the interruption.
 *
 * @throws UserError if the folder doesn't hold a policy
 */
export async function resumePolicyTraining(
  folder: string,
  events: PolicyTrainingEvents = {},
): Promise<PolicyTrainingResult> {
  return runPolicyTraining(folder, openTraining(folder), events);
}

async function runPolicyTraining(
  folder: string,
  { trained, reports }: ReturnType<typeof openTraining>,
  { signal, onStart, onIteration = () => {} }: PolicyTrainingEvents,
): Promise<PolicyTrainingResult> {
  const { plan, settings, state } = trained;
  const world = createWorld(settings);
  const trace = plan.trace === undefined ? undefined : readTrace(plan.trace, world);
  const unlock = lockRun({ path: folder });
  try {
    onStart?.(folder, trained);
    await runTraining(folder, world, trained, reports, onIteration, { signal, trace });
  } finally {
    unlock();
  }
  return { policy: policyFile(folder), plan, last: reports.at(-1), interrupted: state.iteration < plan.iterations };
}
