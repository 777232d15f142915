import type { Random } from '../../base/random.js';
import { beginStep } from '../simulation/begin-step.js';
import { type Objective, rewardOf } from '../simulation/costs.js';
import { dispatchTasks } from '../simulation/dispatch-tasks.js';
import { createEpisode, isDone } from '../simulation/episode.js';
import type { TaskSet } from '../tasks/task-set.js';
import type { World } from '../world.js';
import { createInput, type Network, policyForward } from './network.js';
import type { PolicyModel } from './policy-model.js';
import { recordDecision, rewind, type Tape } from './tape.js';

/** Draws an action from the outputs of a network. */
export type Draw = (outputs: Float64Array, next: Random) => number;

/**
 * Plays an episode with a network until every task has a server, and records it on a tape.
 *
 * @returns the mean of S_t² over its steps.
 */
export function playEpisode(
  world: World,
  tasks: TaskSet,
  model: PolicyModel,
  network: Network,
  draw: Draw,
  objective: Objective,
  next: Random,
  tape: Tape,
): number {
  const episode = createEpisode(world, tasks);
  const input = createInput(model.shape);
  const units = new Float64Array(model.shape.hidden);
  const outputs = new Float64Array(model.shape.outputs);
  const actions = new Float64Array(model.decisions(world.servers));
  const offers = new Float64Array(world.servers);
  let variance = 0;
  rewind(tape);
  while (!isDone(episode)) {
    beginStep(episode);
    tape.firstOf.push(tape.length);
    for (let decision = 0; decision < actions.length; decision++) {
      model.encode(episode.observation, decision, input);
      policyForward(network, input, units, outputs);
      actions[decision] = draw(outputs, next);
      recordDecision(tape, input, units, outputs, actions[decision]);
    }
    model.offers(episode.observation, actions, offers);
    dispatchTasks(episode, offers);
    tape.rewards.push(rewardOf(episode.costs, objective));
    variance += episode.costs.variance;
  }
  return variance / Math.max(1, episode.step);
}
