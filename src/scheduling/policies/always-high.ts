import { offersOf } from '../actions.js';
import type { Policy } from './policy.js';

/** The constant action <h, ..., h>: every server takes tasks in proportion to its free capacity. */
export const alwaysHigh =
  (eta: number): Policy =>
  (observation, _next, offers) => {
    for (let server = 0; server < offers.length; server++) offers[server] = offersOf(observation, server, 1 - eta);
  };
