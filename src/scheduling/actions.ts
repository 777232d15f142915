import { freeAt, type Observation } from './simulation/observation.js';

/**
 * What a server offers to take: a share of its free capacity, `(1-η)(c_i - g_i)` for high and `η(c_i - g_i)` for low
 * (3.3.1). Rounded up, so that a server with one place free still takes a task.
 */
export function offersOf(observation: Observation, server: number, share: number): number {
  return Math.ceil(share * freeAt(observation, server));
}

/** Actions of N servers that offer high or low: all 2^N tuples; bit i of an action is 1 where server i offers high. */
export const actionCount = (servers: number): number => 2 ** servers;

/** The offers of an action. @param offers receives them. */
export function actionOffers(observation: Observation, action: number, eta: number, offers: Float64Array): void {
  for (let server = 0; server < offers.length; server++) {
    offers[server] = offersOf(observation, server, (action >> server) & 1 ? 1 - eta : eta);
  }
}
