import { createInput, type Network, policyForward } from '../learning/network.js';
import type { PolicyModel } from '../learning/policy-model.js';
import type { Policy } from './policy.js';

/** The policy of a trained network. It takes the most likely action in every state, or draws one if `drawn` is set. */
export function learned(model: PolicyModel, network: Network, drawn = false): Policy {
  const input = createInput(model.shape);
  const units = new Float64Array(model.shape.hidden);
  const outputs = new Float64Array(model.shape.outputs);
  return (observation, next, offers) => {
    const actions = new Float64Array(model.decisions(offers.length));
    for (let decision = 0; decision < actions.length; decision++) {
      model.encode(observation, decision, input);
      policyForward(network, input, units, outputs);
      actions[decision] = drawn ? model.draw(outputs, next) : model.best(outputs);
    }
    model.offers(observation, actions, offers);
  };
}
