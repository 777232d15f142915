import { normal } from '../../base/random.js';
import { fillInProportion } from '../simulation/fill.js';
import { freeAt, type Observation } from '../simulation/observation.js';
import type { PolicyModel } from './policy-model.js';

const HIDDEN = 20;
const FEATURES = 9;
/** Standard deviation of the scores drawn in training. */
const SIGMA = 0.3;
/** Scores are clipped to this: exp(6) is 400 times the share of a server with score 0. */
const LIMIT = 6;

/**
 * One small network that scores each server separately, for any number of servers. A server's share of the tasks is its
 * capacity times exp(score), limited by its free capacity. In training, scores are drawn from a normal distribution;
 * afterwards its mean is used.
 */
export function serverModel(): PolicyModel {
  return {
    shape: { features: FEATURES, slots: 0, hidden: HIDDEN, outputs: 1 },
    decisions: (servers) => servers,
    encode: (observation, server, { features }) => features.set(serverFeatures(observation, server)),
    draw: ([mean], next) => mean + SIGMA * normal(next),
    best: ([mean]) => mean,
    logGradient([mean], action, gradient) {
      gradient[0] = (action - mean) / SIGMA ** 2;
    },
    offers: shareByScore,
  };
}

function serverFeatures(observation: Observation, server: number): number[] {
  const { capacity, speed, load, age, waiting, places, behind } = observation;
  let [places_, work, loads, free] = [0, 0, 0, 0];
  for (let i = 0; i < capacity.length; i++) {
    places_ += capacity[i];
    work += capacity[i] * speed[i];
    loads += capacity[i] > 0 ? load[i] : 0;
    free += freeAt(observation, i);
  }
  if (capacity[server] === 0) return Array(FEATURES).fill(0);
  let near = 0;
  for (let slot = 0; slot < waiting; slot++) if (places[slot] === server) near++;
  const utilisation = load[server] / capacity[server];
  const mean = loads / places_;
  return [
    utilisation,
    mean,
    // Scaled up: differences are small but matter most.
    10 * (utilisation - mean),
    waiting / places_,
    Math.min(2, waiting / Math.max(1, free)),
    waiting > 0 ? (near / waiting) * (places_ / capacity[server]) : 0,
    Math.log((speed[server] * places_) / work),
    age,
    behind > 0 ? 1 : 0,
  ];
}

/** Turns scores into offers. @param scores one for each server */
function shareByScore(observation: Observation, scores: ArrayLike<number>, offers: Float64Array): void {
  const { capacity, waiting, age } = observation;
  const weight = (server: number): number =>
    capacity[server] * Math.exp(Math.max(-LIMIT, Math.min(LIMIT, scores[server])));
  let weights = 0;
  for (let server = 0; server < offers.length; server++) weights += weight(server);
  // With an old report, assume more free capacity: a server that was full may have finished many tasks since.
  const free = offers.map((_, server) => Math.ceil(freeAt(observation, server) + age * capacity[server]));
  let given = 0;
  // Tasks that a full server can't take go to the others, in proportion to their free capacity.
  for (let server = 0; server < offers.length; server++) {
    offers[server] = Math.min(free[server], Math.round((waiting * weight(server)) / Math.max(1e-9, weights)));
    free[server] -= offers[server];
    given += offers[server];
  }
  if (given >= waiting) return;
  const more = new Int32Array(offers.length);
  fillInProportion(free, waiting - given, more);
  for (let server = 0; server < offers.length; server++) offers[server] += more[server];
}
