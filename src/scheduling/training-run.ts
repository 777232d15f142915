import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../base/errors.js';
import { makeFolder, readFileOrExplain, removeTemporaries, writeFileAtomic } from '../base/files.js';
import { type IterationReport, initialState, train } from './learning/train.js';
import { readPolicy, type TrainedPolicy, writePolicy } from './policy-file.js';
import type { TaskSet } from './tasks/task-set.js';
import type { World } from './world.js';

/** Iterations between two checkpoints. */
const SAVE_EVERY = 50;

export const policyFile = (folder: string): string => join(folder, 'policy.safetensors');
const reportsFile = (folder: string): string => join(folder, 'training.jsonl');

/** A new training in an empty folder. @throws UserError where one is there already */
export function beginTraining(folder: string, world: World, plan: TrainedPolicy['plan']): TrainedPolicy {
  if (existsSync(policyFile(folder))) {
    throw new UserError(`${folder}: holds a policy already; go on with --resume ${folder}, or give another --out`);
  }
  const trained = { settings: world.settings, plan, state: initialState(world, plan) };
  makeFolder(folder);
  save(folder, trained, []);
  return trained;
}

/** A training to go on with, and what its iterations came to. @throws UserError */
export function openTraining(folder: string): { trained: TrainedPolicy; reports: IterationReport[] } {
  const trained = readPolicy(policyFile(folder));
  removeTemporaries(folder);
  return { trained, reports: readReports(folder).slice(0, trained.state.iteration) };
}

/** What the iterations of a training came to, as `training.jsonl` has it. @throws UserError */
export function readReports(folder: string): IterationReport[] {
  const path = reportsFile(folder);
  try {
    const lines = readFileOrExplain(path, 'the reports of a training').toString('utf8').split('\n');
    return lines.filter(Boolean).map((line) => JSON.parse(line) as IterationReport);
  } catch (thrown) {
    if (thrown instanceof UserError) throw thrown;
    throw new UserError(`${path}: expected a JSON object a line, found otherwise; remove it and train anew`);
  }
}

/** Trains to the plan's end or until `signal`, and saves every 50 iterations and at the end. */
export async function runTraining(
  folder: string,
  world: World,
  trained: TrainedPolicy,
  reports: IterationReport[],
  onIteration: (report: IterationReport) => void,
  options: { readonly signal?: AbortSignal; readonly trace?: TaskSet } = {},
): Promise<void> {
  const { plan, state } = trained;
  await train(
    world,
    plan,
    state,
    (report) => {
      reports.push(report);
      onIteration(report);
      if (report.iteration % SAVE_EVERY === 0) save(folder, trained, reports);
    },
    options,
  );
  save(folder, trained, reports);
}

/** Reports first: what stands there beyond the checkpoint's iteration is cut off when it is opened. */
function save(folder: string, trained: TrainedPolicy, reports: readonly IterationReport[]): void {
  writeFileAtomic(reportsFile(folder), reports.map((report) => `${JSON.stringify(report)}\n`).join(''));
  writePolicy(policyFile(folder), trained);
}
