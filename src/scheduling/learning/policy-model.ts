import type { Random } from '../../base/random.js';
import type { Observation } from '../simulation/observation.js';
import type { Input, NetworkShape } from './network.js';

/**
 * How a network schedules: its input, the meaning of its outputs, and the resulting offers. A step takes one decision for
 * all servers, or one decision for each server.
 */
export interface PolicyModel {
  readonly shape: NetworkShape;
  decisions(servers: number): number;
  /** Writes the input of a decision. */
  encode(observation: Observation, decision: number, input: Input): void;
  /** Draws an action from the distribution that the outputs describe. */
  draw(outputs: Float64Array, next: Random): number;
  /** The most likely action. */
  best(outputs: Float64Array): number;
  /** Gradient of log π(action) with respect to the outputs. */
  logGradient(outputs: Float64Array, action: number, gradient: Float64Array): void;
  /** Computes the servers' offers from the actions of all decisions. */
  offers(observation: Observation, actions: ArrayLike<number>, offers: Float64Array): void;
}
