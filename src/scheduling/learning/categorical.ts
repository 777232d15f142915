import type { Random } from '../../base/random.js';
import type { PolicyModel } from './policy-model.js';

/** Outputs as logits of a distribution over actions (softmax). */
export const categorical: Pick<PolicyModel, 'draw' | 'best' | 'logGradient'> = {
  draw(outputs: Float64Array, next: Random): number {
    const most = maximum(outputs);
    let sum = 0;
    for (const logit of outputs) sum += Math.exp(logit - most);
    let left = next() * sum;
    for (let action = 0; action < outputs.length; action++) {
      left -= Math.exp(outputs[action] - most);
      if (left < 0) return action;
    }
    return outputs.length - 1;
  },

  best(outputs: Float64Array): number {
    let action = 0;
    for (let other = 1; other < outputs.length; other++) if (outputs[other] > outputs[action]) action = other;
    return action;
  },

  logGradient(outputs: Float64Array, action: number, gradient: Float64Array): void {
    const most = maximum(outputs);
    let sum = 0;
    for (const logit of outputs) sum += Math.exp(logit - most);
    for (let i = 0; i < outputs.length; i++) gradient[i] = (i === action ? 1 : 0) - Math.exp(outputs[i] - most) / sum;
  },
};

function maximum(values: Float64Array): number {
  let most = values[0];
  for (const value of values) if (value > most) most = value;
  return most;
}
