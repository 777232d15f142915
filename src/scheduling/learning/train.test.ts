import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { normal, random } from '../../base/random.js';
import { RULES } from '../policies/index.js';
import { policyOf } from '../policy-file.js';
import { resolveSettings } from '../settings.js';
import { simulate } from '../simulation/simulate.js';
import { beginTraining, openTraining, policyFile, readReports, runTraining } from '../training-run.js';
import { createWorld } from '../world.js';
import { advantages } from './policy-gradient.js';
import { serverModel } from './server-model.js';
import { initialTrainingState, trainPolicyNetwork } from './train.js';
import { METHODS, type Plan, resolvePlan } from './training-plan.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-scheduling-'));
afterAll(() => rmSync(folder, { recursive: true }));

const small = createWorld(
  resolveSettings({ servers: [{ capacity: 40 }, { capacity: 40 }], slots: 40, steps: 30, load: 0.6 }),
);

async function trained(plan: Plan, world = small) {
  const state = initialTrainingState(world, plan);
  const before = policyOf({ settings: world.settings, plan, state: initialTrainingState(world, plan) });
  await trainPolicyNetwork(world, plan, state, () => {});
  return { before, after: policyOf({ settings: world.settings, plan, state }), world };
}

describe('a policy improves on a tiny problem', () => {
  it.each(METHODS)('%s', async (method) => {
    const plan = resolvePlan({ method, iterations: 40, episodes: 10, lr: 0.01, seed: 3 });
    const { before, after, world } = await trained(plan);
    const variance = (policy: typeof after): number => simulate(world, policy, 7, 5).variance;
    expect(variance(after)).toBeLessThan(0.9 * variance(before));
    expect(variance(after)).toBeLessThan(variance(RULES.random(world.settings)));
  });

  it('learns to leave a slow server alone where latency counts', async () => {
    const servers = [
      { capacity: 40, speed: 1.5 },
      { capacity: 40, speed: 0.25 },
    ];
    const world = createWorld(resolveSettings({ servers, slots: 40, steps: 30, load: 0.4 }));
    const plan = resolvePlan({ method: 'drlos', objective: { latency: 1 }, iterations: 60, lr: 0.01, seed: 1 });
    const { after } = await trained(plan, world);
    const meanMs = (policy: typeof after): number => simulate(world, policy, 7, 5).meanMs;
    expect(meanMs(after)).toBeLessThan(0.8 * meanMs(RULES['least-loaded'](world.settings)));
  });
});

it('goes on from a saved state to the bits of a training that was never stopped', async () => {
  for (const method of METHODS) {
    const plan = resolvePlan({ method, iterations: 6, episodes: 4 });
    const [whole, parted] = [join(folder, `whole-${method}`), join(folder, `parted-${method}`)];
    await runTraining(whole, small, beginTraining(whole, small, plan), [], () => {});
    const stop = new AbortController();
    const first = beginTraining(parted, small, plan);
    await runTraining(parted, small, first, [], ({ iteration }) => iteration === 3 && stop.abort(), stop);
    const { trained: opened, reports } = openTraining(parted);
    expect(opened.state.iteration).toBe(3);
    await runTraining(parted, small, opened, reports, () => {});
    expect(readFileSync(policyFile(parted)).equals(readFileSync(policyFile(whole)))).toBe(true);
    expect(readReports(parted)).toEqual(readReports(whole));
  }
});

it('takes the mean return at the same step as baseline, and 0 after the end of an episode', () => {
  const [a, b] = advantages([
    [-1, -2, -3],
    [-4, -2],
  ]);
  // Returns -6, -5, -3 and -6, -2; their means -6, -3.5, -1.5.
  expect([...a]).toEqual([0, -1.5, -1.5]);
  expect([...b]).toEqual([0, 1.5]);
});

it('scores any number of servers with one network, and draws scores around their mean', () => {
  const model = serverModel();
  const gradient = new Float64Array(1);
  const action = model.draw(Float64Array.of(2), random(1));
  model.logGradient(Float64Array.of(2), action, gradient);
  expect(action).toBe(2 + 0.3 * normal(random(1)));
  expect(gradient[0]).toBeCloseTo((action - 2) / 0.09, 9);
});
