import { RULES } from '../../scheduling/policies/index.js';
import type { Policy } from '../../scheduling/policies/policy.js';
import { policyOf } from '../../scheduling/policy-file.js';
import type { World } from '../../scheduling/world.js';
import { figuresByLoad, type Line, measureLoads } from './by-load.js';
import { type ConvergenceOptions, paperPlan } from './convergence.js';
import type { Figure } from './figure.js';
import { type Trainer, trainedPolicy } from './trained-policies.js';

/** Fig. 16a, b: variance and latency against the number of tasks. DRLoS and Q-learning are the policies of Fig. 15. */
export async function efficiency(
  world: World,
  trainer: Trainer,
  { seeds, iterations, episodes }: ConvergenceOptions,
): Promise<Figure[]> {
  const contestants: { name: string; policyOfSeed: (seed: number) => Promise<Policy> }[] = [
    ...(['drlos', 'q-learning'] as const).map((method) => ({
      name: method,
      policyOfSeed: async (seed: number) => {
        const plan = paperPlan(method, seed, iterations);
        return policyOf((await trainedPolicy(trainer, `${method}-${seed}`, world, plan)).trained);
      },
    })),
    ...Object.entries(RULES).map(([name, make]) => ({ name, policyOfSeed: async () => make(world.settings) })),
  ];
  const lines: Line[] = [];
  for (const { name, policyOfSeed } of contestants) {
    const policies = await Promise.all(seeds.map(policyOfSeed));
    lines.push(measureLoads(name, world, policies, seeds, episodes));
  }
  return figuresByLoad(16, 'against the number of tasks', lines);
}
