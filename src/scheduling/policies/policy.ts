import type { Random } from '../../base/random.js';
import type { Observation } from '../simulation/observation.js';

/**
 * A policy: how many of the waiting tasks each server may take in this step. What is offered beyond the waiting tasks is
 * cut down in proportion; tasks beyond the offers wait for the next step.
 *
 * @param offers receives whole numbers from 0, one for each server.
 */
export type Policy = (observation: Observation, next: Random, offers: Float64Array) => void;
