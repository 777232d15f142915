import { integer, type Random } from '../../base/random.js';
import { categorical } from './categorical.js';
import { backward, type Network, policyForward } from './network.js';
import type { Draw } from './rollout.js';
import { decisionAt, type Tape } from './tape.js';

/** Discount of future rewards. REINFORCE needs none, but Q values would grow with the length of the episode. */
const GAMMA = 0.9;
const LAST_EPSILON = 0.05;

/** ε-greedy: a random action with a probability that falls from 1 to 0.05 over the first half of the training. */
export function epsilonGreedy(progress: number): Draw {
  const epsilon = Math.max(LAST_EPSILON, 1 - 2 * progress * (1 - LAST_EPSILON));
  return (outputs: Float64Array, next: Random) =>
    next() < epsilon ? integer(next, outputs.length) : categorical.best(outputs);
}

/**
 * Deep Q-learning: the gradient that moves Q(s_t, a_t) towards r_t + γ max Q'(s_t+1, a). Q' is the network that played
 * the episode; its values are on the tape. The last step has no successor.
 *
 * @param scale divides the rewards, so that Q values are near 1.
 */
export function qGradient(network: Network, tape: Tape, scale: number, gradient: Float64Array): void {
  const byOutputs = new Float64Array(network.outputs);
  const outputs = new Float64Array(network.outputs);
  const units = new Float64Array(network.hidden);
  gradient.fill(0);
  for (let step = 0; step < tape.length; step++) {
    const { input, action } = decisionAt(tape, step);
    const following = step + 1 < tape.length ? decisionAt(tape, step + 1).outputs : undefined;
    const target = tape.rewards[step] / scale + (following ? GAMMA * following[categorical.best(following)] : 0);
    policyForward(network, input, units, outputs);
    byOutputs.fill(0);
    // The gradient of Huber's loss.
    byOutputs[action] = Math.max(-1, Math.min(1, target - outputs[action])) / tape.length;
    backward(network, input, units, byOutputs, gradient);
  }
}
