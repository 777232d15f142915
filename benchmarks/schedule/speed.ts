import { random } from '../../src/base/random.js';
import { timeDecisions } from '../../src/report/schedule-figures/decision-times.js';
import { initialTrainingState, trainPolicyNetwork } from '../../src/scheduling/learning/train.js';
import { resolvePlan } from '../../src/scheduling/learning/training-plan.js';
import { alwaysHigh } from '../../src/scheduling/policies/always-high.js';
import { resolveSettings } from '../../src/scheduling/settings.js';
import { runEpisode } from '../../src/scheduling/simulation/run-episode.js';
import { drawTasks } from '../../src/scheduling/tasks/draw-tasks.js';
import { createWorld } from '../../src/scheduling/world.js';
import { decisionMsAtShare } from './cpu-share.js';

/**
 * Speed of scheduling on one core: steps of the simulation, a training of 1500 iterations, and decisions. Fails if a
 * median decision takes longer than its limit: 1 ms for 500 tasks, 5 ms for 5000.
 */
const world = createWorld(resolveSettings({}));
const { settings } = world;
const seconds = (from: number): number => (performance.now() - from) / 1000;

const sets = Array.from({ length: 40 }, (_, i) => drawTasks(world, random(1, i)));
const policy = alwaysHigh(settings.eta);
for (const tasks of sets) runEpisode(world, tasks, policy, random(2)); // until it is compiled
let start = performance.now();
const steps = sets.reduce((sum, tasks) => sum + runEpisode(world, tasks, policy, random(2)).steps, 0);
const tasks = sets.reduce((sum, { arrival }) => sum + arrival.length, 0);
console.log(
  `simulation: ${(steps / seconds(start)).toFixed(0)} steps/s with ${(tasks / steps).toFixed(0)} tasks each (3 servers, load ${settings.load})`,
);

for (const method of ['drlos', 'q-learning', 'per-server'] as const) {
  const plan = resolvePlan({ method, iterations: 60 });
  const state = initialTrainingState(world, plan);
  await trainPolicyNetwork(world, { ...plan, iterations: 10 }, state, () => {});
  start = performance.now();
  await trainPolicyNetwork(world, plan, state, () => {});
  const each = seconds(start) / 50;
  const played = plan.episodes * settings.steps;
  console.log(
    `training, ${method}: ${(played / each).toFixed(0)} steps/s, 1500 iterations x ${plan.episodes} episodes in ${((1500 * each) / 60).toFixed(1)} min`,
  );
}

for (const [slots, limit] of [
  [500, 1],
  [5000, 5],
] as const) {
  for (const servers of [3, 5]) {
    const times = timeDecisions(servers, slots, 500);
    const median = times[times.length >> 1];
    const p99 = times[Math.floor(0.99 * times.length)];
    if (median >= limit) process.exitCode = 1;
    console.log(
      `decision, M = ${slots}, ${servers} servers: median ${median.toFixed(3)} ms, p99 ${p99.toFixed(3)} ms (${median < limit ? 'below' : 'NOT BELOW'} ${limit} ms)`,
    );
  }
}

for (const slots of [500, 5000]) {
  const times = [];
  for (const share of [1, 0.5, 0.25, 0.1]) {
    times.push(`${100 * share} %: ${(await decisionMsAtShare(slots, share)).toFixed(3)} ms`);
  }
  console.log(`decision by share of a core, M = ${slots}, mean: ${times.join(', ')}`);
}
