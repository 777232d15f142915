import type { Random } from '../../base/random.js';
import type { Observation } from '../simulation/observation.js';

/**
 * A policy decides how many of the waiting tasks each server may take in this step. If the offers exceed the waiting
 * tasks, they are reduced in proportion; tasks without an offer wait for the next step.
 *
 * @param offers receives a whole number from 0 for each server.
 */
export type Policy = (observation: Observation, next: Random, offers: Float64Array) => void;
