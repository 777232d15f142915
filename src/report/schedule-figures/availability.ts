import type { Policy } from '../../scheduling/policies/policy.js';
import { policyOf } from '../../scheduling/policy-file.js';
import { resolveSettings, type Settings } from '../../scheduling/settings.js';
import { createWorld } from '../../scheduling/world.js';
import { figuresByLoad, type Line, LOADS, measureLoads, tasksPerStep } from './by-load.js';
import { type ConvergenceOptions, paperPlan } from './convergence.js';
import type { Figure } from './figure.js';
import { type Trainer, trainedPolicy } from './trained-policies.js';

const SERVERS = [3, 4, 5];

/** Fig. 17: DRLoS with 3, 4 and 5 servers of this capacity, against the number of tasks. */
export async function availability(
  settings: Settings,
  capacity: number,
  trainer: Trainer,
  { seeds, iterations, episodes }: ConvergenceOptions,
): Promise<Figure[]> {
  const lines: Line[] = [];
  for (const count of SERVERS) {
    const servers = Array.from({ length: count }, () => ({ capacity }));
    const unfit = createWorld(resolveSettings({ ...settings, servers }));
    // Enough slots for all tasks of a step at the highest load; otherwise slots would limit the larger clusters.
    const slots = Math.ceil(1.1 * tasksPerStep(unfit, LOADS[LOADS.length - 1]));
    const world = createWorld({ ...unfit.settings, slots });
    const policies: Policy[] = [];
    for (const seed of seeds) {
      const plan = paperPlan('drlos', seed, iterations);
      const { trained } = await trainedPolicy(trainer, `drlos-${count}x${capacity}-${seed}`, world, plan);
      policies.push(policyOf(trained));
    }
    lines.push(measureLoads(`${count} servers`, world, policies, seeds, episodes));
  }
  return figuresByLoad(17, 'by number of servers', lines);
}
