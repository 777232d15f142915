import { random } from '../../base/random.js';
import { initialNetwork } from '../../scheduling/learning/network.js';
import { modelOf } from '../../scheduling/learning/training-plan.js';
import { learned } from '../../scheduling/policies/learned.js';
import type { Observation } from '../../scheduling/simulation/observation.js';
import type { Figure } from './figure.js';

const SLOTS = [100, 200, 500, 1000, 2000, 5000];

/** Fig. 16c: time of a decision against the number of task slots, all occupied. Median and quartiles. */
export function decisionTimes(servers: number): Figure {
  const points = SLOTS.map((slots) => {
    const times = timeDecisions(servers, slots, 200);
    const quantile = (share: number): number => times[Math.floor(share * (times.length - 1))];
    return { x: slots, mean: quantile(0.5), half: (quantile(0.75) - quantile(0.25)) / 2 };
  });
  return {
    id: 'fig-16c',
    title: 'Time of a decision against the number of tasks',
    xName: 'tasks that wait',
    yName: 'time of a decision (ms)',
    series: [{ name: 'drlos, median and half the quartiles’ distance', points }],
  };
}

/** Times of a network's decisions in ms, sorted. @param count number of decisions */
export function timeDecisions(servers: number, slots: number, count: number): Float64Array {
  const model = modelOf('drlos', { servers, slots, eta: 0.05 });
  const policy = learned(model, initialNetwork(model.shape, random(1)));
  const next = random(2);
  const observation: Observation = {
    capacity: new Float64Array(servers).fill(slots),
    speed: new Float64Array(servers).fill(1),
    load: Float64Array.from({ length: servers }, () => next() * slots),
    age: 0,
    waiting: slots,
    behind: 0,
    places: Uint8Array.from({ length: slots }, () => Math.floor(next() * servers)),
    nearest: Int32Array.from({ length: servers * servers }, (_, i) => i % servers),
  };
  const offers = new Float64Array(servers);
  const decide = (): number => {
    const start = performance.now();
    policy(observation, next, offers);
    return performance.now() - start;
  };
  for (let i = 0; i < count; i++) decide(); // warm up
  return Float64Array.from({ length: count }, decide).sort();
}
