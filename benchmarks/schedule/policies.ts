import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { initialTrainingState, trainPolicyNetwork } from '../../src/scheduling/learning/train.js';
import { resolvePlan } from '../../src/scheduling/learning/training-plan.js';
import { RULES } from '../../src/scheduling/policies/index.js';
import { policyOf } from '../../src/scheduling/policy-file.js';
import { MEASURED_FILE, type MeasuredTable, scenarioOf } from '../../src/scheduling/recommend.js';
import { resolveSettings } from '../../src/scheduling/settings.js';
import { estimates, simulate } from '../../src/scheduling/simulation/simulate.js';
import { MEASURES } from '../../src/scheduling/simulation/summary.js';
import { createWorld, type World } from '../../src/scheduling/world.js';

/**
 * Measures all policies, and per-server scoring trained for two objectives, in settings that differ in what matters to
 * policies. Writes the table that `lcdnn schedule recommend` reads. Every seed has its own task sets and training.
 *
 *     npm run bench:policies -- --seeds 10 --only 3-equal-stale-untracked --out table.json
 */
const { values: flags } = parseArgs({
  options: {
    seeds: { type: 'string', default: '5' },
    only: { type: 'string' },
    out: { type: 'string', default: MEASURED_FILE },
  },
});
const SEEDS = Array.from({ length: Number(flags.seeds) }, (_, i) => i + 1);
const EPISODES = 10;
const OBJECTIVES = {
  'per-server for variance': { variance: 1, cloud: 1 },
  'per-server for latency': { latency: 1, late: 1 },
};

const servers = (...speeds: number[]) => speeds.map((speed) => ({ capacity: 50, speed }));
const SERVERS = {
  '3-equal': servers(1, 1, 1),
  '3-unequal': servers(1.5, 1, 0.5),
  '6-unequal': servers(1.5, 1.5, 1, 1, 0.5, 0.5),
};
const STATES = {
  fresh: {},
  far: { forwardMsPerKm: 2 },
  'stale-tracked': { reportEvery: 10 },
  'stale-untracked': { reportEvery: 10, tracking: false },
};

/** Not every combination, because each needs a training per seed and objective. */
const MEASURED: Record<keyof typeof SERVERS, (keyof typeof STATES)[]> = {
  '3-equal': ['fresh', 'far', 'stale-tracked', 'stale-untracked'],
  '3-unequal': ['fresh', 'far', 'stale-untracked'],
  '6-unequal': ['fresh', 'stale-untracked'],
};

const settings = Object.entries(SERVERS).flatMap(([which, of]) =>
  MEASURED[which as keyof typeof SERVERS].flatMap((state) =>
    [0.5, 0.9].map((load) => ({
      name: `${which}-${state}-${load}`,
      world: createWorld(
        resolveSettings({ servers: of, slots: 20 * of.length, buffer: 100 * of.length, load, ...STATES[state] }),
      ),
    })),
  ),
);

async function trainedFor(world: World, objective: object, seed: number) {
  const plan = resolvePlan({ method: 'per-server', objective, iterations: 300, lr: 0.003, seed });
  const state = initialTrainingState(world, plan);
  await trainPolicyNetwork(world, plan, state, () => {});
  return policyOf({ settings: world.settings, plan, state });
}

const rows: MeasuredTable['rows'] = [];
for (const { name, world } of settings.filter(({ name }) => name.includes(flags.only ?? ''))) {
  const policies: MeasuredTable['rows'][number]['policies'] = {};
  const measure = (policy: string, results: ReturnType<typeof simulate>[]): void => {
    const measured = estimates(results);
    policies[policy] = Object.fromEntries(
      MEASURES.map((of) => [of, { mean: digits(measured[of].mean), half: digits(measured[of].half) }]),
    ) as (typeof policies)[string];
    const { variance, meanMs, p99Ms, cloud } = policies[policy];
    const text = [variance, meanMs, p99Ms, cloud].map(({ mean, half }) => `${mean} ± ${half}`).join('  ');
    console.log(`${name}  ${policy.padEnd(24)}  variance, mean ms, p99 ms, cloud: ${text}`);
  };
  for (const [rule, make] of Object.entries(RULES)) {
    measure(
      rule,
      SEEDS.map((seed) => simulate(world, make(world.settings), seed, EPISODES)),
    );
  }
  for (const [policy, objective] of Object.entries(OBJECTIVES)) {
    const results = [];
    for (const seed of SEEDS) results.push(simulate(world, await trainedFor(world, objective, seed), seed, EPISODES));
    measure(policy, results);
  }
  rows.push({ scenario: scenarioOf(world.settings), policies });
}
// One row per line, so that a diff shows which setting changed.
const lines = rows.map((row) => JSON.stringify(row)).join(',\n');
writeFileSync(flags.out, `{"seeds":${SEEDS.length},"rows":[\n${lines}\n]}\n`);

function digits(value: number): number {
  return Number(value.toPrecision(4));
}
