import { setImmediate as nextTurn } from 'node:timers/promises';
import { integer, random } from '../../base/random.js';
import { STREAM } from '../simulation/simulate.js';
import { drawTasks } from '../tasks/draw-tasks.js';
import type { TaskSet } from '../tasks/task-set.js';
import type { World } from '../world.js';
import { initialNetwork, layout, type Network } from './network.js';
import { policyGradient } from './policy-gradient.js';
import { epsilonGreedy, qGradient } from './q-learning.js';
import { playEpisode } from './rollout.js';
import { createTape, type Tape } from './tape.js';
import { modelOf, type Plan } from './training-plan.js';
import { createOptimizer, type PolicyOptimizer, UPDATES } from './update.js';

/** State of a training run. Together with plan and settings, it is all that a training needs to continue. */
export interface TrainingState {
  readonly network: Network;
  readonly optimizer: PolicyOptimizer;
  /** Number of completed iterations. */
  iteration: number;
}

/** Means over the episodes of an iteration. */
export interface IterationReport {
  readonly iteration: number;
  /** Sum of the rewards in an episode. */
  readonly reward: number;
  /** S_t². */
  readonly variance: number;
}

export function initialTrainingState(world: World, plan: Plan): TrainingState {
  const { shape } = modelFor(world, plan);
  const network = initialNetwork(shape, random(plan.seed, STREAM.initial));
  return { network, optimizer: createOptimizer(layout(shape).size), iteration: 0 };
}

const modelFor = ({ settings, servers }: World, { method }: Plan) => modelOf(method, { ...settings, servers });

/**
 * Trains until the plan's last iteration, or until `signal` is aborted. Random numbers depend only on seed, iteration and
 * episode, so a run that continues from a saved state ends with the same bits.
 *
 * @param trace tasks to train on instead of random ones.
 * @param onIteration called after each iteration, when `state` is up to date.
 */
export async function trainPolicyNetwork(
  world: World,
  plan: Plan,
  state: TrainingState,
  onIteration: (report: IterationReport) => void,
  { signal, trace }: { readonly signal?: AbortSignal; readonly trace?: TaskSet } = {},
): Promise<void> {
  const model = modelFor(world, plan);
  const tapes = Array.from({ length: plan.episodes }, () => createTape(model.shape));
  const gradient = new Float64Array(state.network.values.length);
  const update = UPDATES[plan.update];
  const scale = plan.method === 'q-learning' ? rewardScale(world, plan, tapes[0], trace) : 1;
  while (state.iteration < plan.iterations && !signal?.aborted) {
    const { iteration } = state;
    const tasks = trace ?? drawTasks(world, random(plan.seed, STREAM.trainingTasks, iteration));
    const draw = plan.method === 'q-learning' ? epsilonGreedy(iteration / plan.iterations) : model.draw;
    let variance = 0;
    for (const [episode, tape] of tapes.entries()) {
      const next = random(plan.seed, STREAM.trainingPolicy, iteration, episode);
      variance += playEpisode(world, tasks, model, state.network, draw, plan.objective, next, tape) / plan.episodes;
    }
    if (plan.method === 'q-learning') {
      for (const tape of tapes) {
        qGradient(state.network, tape, scale, gradient);
        update(state.network.values, gradient, plan.lr, state.optimizer);
      }
    } else {
      policyGradient(model, state.network, tapes, gradient);
      update(state.network.values, gradient, plan.lr, state.optimizer);
    }
    state.iteration++;
    onIteration({
      iteration: state.iteration,
      reward: tapes.reduce((sum, tape) => sum + total(tape), 0) / plan.episodes,
      variance,
    });
    await nextTurn(); // lets signals arrive between iterations
  }
}

const total = ({ rewards }: Tape): number => rewards.reduce((sum, reward) => sum + reward, 0);

/** Mean size of a reward when actions are drawn at random. */
function rewardScale(world: World, plan: Plan, tape: Tape, trace: TaskSet | undefined): number {
  const model = modelFor(world, plan);
  const next = random(plan.seed, STREAM.scale);
  const tasks = trace ?? drawTasks(world, next);
  const { network } = initialTrainingState(world, plan);
  const blindly = (outputs: Float64Array): number => integer(next, outputs.length);
  playEpisode(world, tasks, model, network, blindly, plan.objective, next, tape);
  return Math.max(1e-9, -total(tape) / tape.rewards.length);
}
