import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { UserError } from '../../base/errors.js';
import type { IterationReport } from '../../scheduling/learning/train.js';
import type { Plan } from '../../scheduling/learning/training-plan.js';
import type { TrainedPolicy } from '../../scheduling/policy-file.js';
import { beginTraining, openTraining, policyFile, runTraining } from '../../scheduling/training-run.js';
import type { World } from '../../scheduling/world.js';

/** Folder of the policies that figures need, and callbacks that follow their training. */
export interface Trainer {
  readonly folder: string;
  readonly signal?: AbortSignal;
  readonly started?: (folder: string, trained: TrainedPolicy) => void;
  readonly iteration?: (report: IterationReport) => void;
}

/**
 * The policy of a plan. It is trained unless its folder already holds it, so that a report continues where it stopped.
 *
 * @throws UserError if the folder holds another policy; the signal's reason if it interrupts the training
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
    throw new UserError(
      `${folder}: expected a policy with the given options, found one with others; give another --out`,
    );
  }
  if (trained.state.iteration < plan.iterations) {
    trainer.started?.(name, trained);
    await runTraining(folder, world, trained, reports, (report) => trainer.iteration?.(report), trainer);
    trainer.signal?.throwIfAborted();
  }
  return begun;
}
