import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { UserError } from '../../base/errors.js';
import type { IterationReport } from '../../scheduling/learning/train.js';
import type { Plan } from '../../scheduling/learning/training-plan.js';
import type { TrainedPolicy } from '../../scheduling/policy-file.js';
import { beginTraining, openTraining, policyFile, runTraining } from '../../scheduling/training-run.js';
import type { World } from '../../scheduling/world.js';

/** Where figures find the policies they need, and who is told of their training. */
export interface Trainer {
  readonly folder: string;
  readonly signal: AbortSignal;
  started(name: string, trained: TrainedPolicy): void;
  iteration(report: IterationReport): void;
}

/** Thrown where Ctrl-C ended a training; what is trained so far is kept. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

/**
 * The policy of a plan, trained unless its folder has it: a report that was stopped goes on where it was.
 *
 * @throws UserError where the folder holds another one; Interrupted.
 */
export async function trainedPolicy(
  trainer: Trainer,
  name: string,
  world: World,
  plan: Plan,
): Promise<{ trained: TrainedPolicy; reports: IterationReport[] }> {
  const folder = join(trainer.folder, name);
  const begun = existsSync(policyFile(folder))
    ? openTraining(folder)
    : { trained: beginTraining(folder, world, plan), reports: [] };
  const { trained, reports } = begun;
  if (!isDeepStrictEqual(trained.plan, plan) || !isDeepStrictEqual(trained.settings, world.settings)) {
    throw new UserError(`${folder}: holds a policy of other options than are asked for now; give another --out`);
  }
  if (trained.state.iteration < plan.iterations) {
    trainer.started(name, trained);
    await runTraining(folder, world, trained, reports, (report) => trainer.iteration(report), trainer);
    if (trainer.signal.aborted) throw new Interrupted();
  }
  return begun;
}
