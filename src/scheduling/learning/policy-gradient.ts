import { backward, type Network } from './network.js';
import type { PolicyModel } from './policy-model.js';
import { decisionAt, type Tape } from './tape.js';

/** Returns v_t: for each step, the sum of its reward and all later rewards (γ = 1). */
export function returns(rewards: readonly number[]): Float64Array {
  const sums = new Float64Array(rewards.length);
  let sum = 0;
  for (let step = rewards.length - 1; step >= 0; step--) sums[step] = sum += rewards[step];
  return sums;
}

/**
 * Returns of all episodes of a task set minus the mean return at the same step (section 3.3.2). After its end, an episode
 * counts as 0.
 */
export function advantages(rewards: readonly (readonly number[])[]): Float64Array[] {
  const all = rewards.map(returns);
  return all.map((own) =>
    own.map((value, step) => value - all.reduce((sum, other) => sum + (other[step] ?? 0), 0) / all.length),
  );
}

/** The gradient of REINFORCE (Eq. 8, 9): sum over steps of ∇ log π(s_t, a_t) v_t, mean over the episodes. */
export function policyGradient(
  model: PolicyModel,
  network: Network,
  tapes: readonly Tape[],
  gradient: Float64Array,
): void {
  const weights = advantages(tapes.map((tape) => tape.rewards));
  const byOutputs = new Float64Array(model.shape.outputs);
  gradient.fill(0);
  for (const [episode, tape] of tapes.entries()) {
    for (let step = 0; step < tape.rewards.length; step++) {
      const end = tape.firstOf[step + 1] ?? tape.length;
      for (let at = tape.firstOf[step]; at < end; at++) {
        const { input, units, outputs, action } = decisionAt(tape, at);
        model.logGradient(outputs, action, byOutputs);
        for (let i = 0; i < byOutputs.length; i++) byOutputs[i] *= weights[episode][step] / tapes.length;
        backward(network, input, units, byOutputs, gradient);
      }
    }
  }
}
