import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { UserError } from '../base/errors.js';
import { makeFolder, readFileOrExplain, removeTemporaries, writeFileAtomic } from '../base/files.js';
import { type IterationReport, initialTrainingState, trainPolicyNetwork } from './learning/train.js';
import { readPolicy, type TrainedPolicy, writePolicy } from './policy-file.js';
import type { TaskSet } from './tasks/task-set.js';
import type { World } from './world.js';

const reportSchema = z.object({ iteration: z.int().positive(), reward: z.number(), variance: z.number() });

/** Number of iterations between two checkpoints. */
const SAVE_EVERY = 50;

export const policyFile = (folder: string): string => join(folder, 'policy.safetensors');
const reportsFile = (folder: string): string => join(folder, 'training.jsonl');

/** Starts a training in an empty folder. @throws UserError if the folder already contains one */
export function beginTraining(folder: string, world: World, plan: TrainedPolicy['plan']): TrainedPolicy {
  if (existsSync(policyFile(folder))) {
    throw new UserError(
      `${folder}: expected a folder without a policy, found one; continue it with --resume ${folder}, or choose another --out`,
    );
  }
  const trained = { settings: world.settings, plan, state: initialTrainingState(world, plan) };
  makeFolder(folder);
  save(folder, trained, []);
  return trained;
}

/** Opens a training to continue it, with the reports of its iterations so far. @throws UserError */
export function openTraining(folder: string): { trained: TrainedPolicy; reports: IterationReport[] } {
  const trained = readPolicy(policyFile(folder));
  removeTemporaries(folder);
  return { trained, reports: readReports(folder).slice(0, trained.state.iteration) };
}

/** Reads the reports of a training's iterations from `training.jsonl`. @throws UserError */
export function readReports(folder: string): IterationReport[] {
  const path = reportsFile(folder);
  try {
    const lines = readFileOrExplain(path, 'the reports of a training').toString('utf8').split('\n');
    return lines.filter(Boolean).map((line) => reportSchema.parse(JSON.parse(line)));
  } catch (thrown) {
    if (thrown instanceof UserError) throw thrown;
    throw new UserError(
      `${path}: expected a report as JSON on each line, found other text; delete the folder and train again`,
    );
  }
}

/** Trains until the plan is complete or `signal` is aborted. Saves every 50 iterations and at the end. */
export async function runTraining(
  folder: string,
  world: World,
  trained: TrainedPolicy,
  reports: IterationReport[],
  onIteration: (report: IterationReport) => void,
  options: { readonly signal?: AbortSignal; readonly trace?: TaskSet } = {},
): Promise<void> {
  const { plan, state } = trained;
  await trainPolicyNetwork(
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

/** Saves reports before the checkpoint: `openTraining` drops reports beyond the checkpoint's iteration. */
function save(folder: string, trained: TrainedPolicy, reports: readonly IterationReport[]): void {
  writeFileAtomic(reportsFile(folder), reports.map((report) => `${JSON.stringify(report)}\n`).join(''));
  writePolicy(policyFile(folder), trained);
}
