import { freeAt, type Observation } from './simulation/observation.js';

/**
 * The number of tasks a server offers to take: a share of its free capacity, `(1-η)(c_i - g_i)` for a high offer and
 * `η(c_i - g_i)` for a low one (section 3.3.1). Rounded up, so that a server with room for one task still offers it.
 */
export function offersOf(observation: Observation, server: number, share: number): number {
  return Math.ceil(share * freeAt(observation, server));
}

/** Number of joint actions of N servers: 2^N tuples of high and low. Bit i of an action is 1 if server i offers high. */
export const actionCount = (servers: number): number => 2 ** servers;

/** Computes the offers of an action. @param offers receives the result, one number for each server. */
export function actionOffers(observation: Observation, action: number, eta: number, offers: Float64Array): void {
  for (let server = 0; server < offers.length; server++) {
    offers[server] = offersOf(observation, server, (action >> server) & 1 ? 1 - eta : eta);
  }
}
