import { UserError } from '../../base/errors.js';
import { actionCount, actionOffers } from '../actions.js';
import { categorical } from './categorical.js';
import type { PolicyModel } from './policy-model.js';

/** With more servers there are too many actions to explore. */
const MAX_SERVERS = 8;
const HIDDEN = 20;

export interface JointShape {
  readonly servers: number;
  /** Task slots M. */
  readonly slots: number;
  readonly eta: number;
}

/**
 * DRLoS (section 3.3.1): one decision among the 2^N tuples of high and low offers. The state (Fig. 6) is the utilisation
 * of every server, the closest server of the task in each of M slots (one-hot; zeros for an empty slot), and the age of
 * the report.
 *
 * @throws UserError for more than 8 servers.
 */
export function jointModel({ servers, slots, eta }: JointShape): PolicyModel {
  if (servers > MAX_SERVERS) {
    throw new UserError(
      `expected at most ${MAX_SERVERS} servers for 2^N actions, found ${servers}; train the method per-server`,
    );
  }
  return {
    shape: { features: servers + 1, slots: slots * servers, hidden: HIDDEN, outputs: actionCount(servers) },
    decisions: () => 1,
    encode({ capacity, load, age, waiting, places }, _decision, input) {
      for (let server = 0; server < servers; server++) {
        input.features[server] = capacity[server] > 0 ? load[server] / capacity[server] : 1;
      }
      input.features[servers] = age;
      input.activeCount = Math.min(waiting, slots);
      for (let slot = 0; slot < input.activeCount; slot++) input.active[slot] = slot * servers + places[slot];
    },
    ...categorical,
    offers: (observation, actions, offers) => actionOffers(observation, actions[0], eta, offers),
  };
}
