import type { Random } from '../../base/random.js';
import type { Observation } from '../simulation/observation.js';
import type { Input, NetworkShape } from './network.js';

/**
 * How a network schedules: what it sees of a state, what its outputs mean, and what is offered then. A step takes one
 * decision (over all servers) or one for each server.
 */
export interface PolicyModel {
  readonly shape: NetworkShape;
  decisions(servers: number): number;
  /** Fills in the input of a decision. */
  encode(observation: Observation, decision: number, input: Input): void;
  /** An action, drawn by what the outputs say. */
  draw(outputs: Float64Array, next: Random): number;
  /** The most likely action. */
  best(outputs: Float64Array): number;
  /** Gradient of log π(action) by the outputs. */
  logGradient(outputs: Float64Array, action: number, gradient: Float64Array): void;
  /** What the servers offer after the actions of all decisions. */
  offers(observation: Observation, actions: ArrayLike<number>, offers: Float64Array): void;
}
