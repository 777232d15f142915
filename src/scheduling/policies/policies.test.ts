import { describe, expect, it } from 'vitest';
import { UserError } from '../../base/errors.js';
import { random } from '../../base/random.js';
import type { Observation } from '../simulation/observation.js';
import { rule, ruleNames } from './index.js';

function observe(changes: Partial<Observation>): Observation {
  return {
    capacity: Float64Array.of(100, 100, 100),
    speed: Float64Array.of(1, 1, 1),
    load: Float64Array.of(0, 0, 0),
    age: 0,
    waiting: 0,
    behind: 0,
    places: new Uint8Array(500),
    nearest: Int32Array.of(0, 1, 2, 1, 2, 0, 2, 0, 1),
    ...changes,
  };
}

function offersOf(name: string, changes: Partial<Observation>): number[] {
  const offers = new Float64Array(changes.capacity?.length ?? 3);
  rule(name, { eta: 0.05 })(observe(changes), random(1), offers);
  return [...offers];
}

it('always-high offers 1 - η of what is free, rounded up', () => {
  expect(offersOf('always-high', { load: Float64Array.of(0, 90, 99) })).toEqual([95, 10, 1]);
});

it('average ignores the load, and shares what is left over', () => {
  const offers = offersOf('average', { waiting: 31, load: Float64Array.of(0, 90, 99) });
  expect([...offers].sort()).toEqual([10, 10, 11]);
});

it('closest fills the closest server, then the next', () => {
  const places = Uint8Array.from({ length: 50 }, (_, i) => (i < 40 ? 0 : 2));
  expect(offersOf('closest', { waiting: 50, places, load: Float64Array.of(70, 0, 95) })).toEqual([30, 15, 5]);
});

it('random spreads over all servers', () => {
  const offers = offersOf('random', { waiting: 300 });
  expect(offers.reduce((sum, offer) => sum + offer)).toBe(300);
  for (const offer of offers) expect(Math.abs(offer - 100)).toBeLessThan(40);
});

it('least-loaded levels the utilisation, whatever the capacities', () => {
  expect(offersOf('least-loaded', { waiting: 60, load: Float64Array.of(20, 0, 40) })).toEqual([20, 40, 0]);
  const capacity = Float64Array.of(200, 100, 100);
  expect(offersOf('least-loaded', { waiting: 40, capacity })).toEqual([20, 10, 10]);
  expect(offersOf('least-loaded', { waiting: 40, load: Float64Array.of(99, 98, 97) })).toEqual([1, 2, 3]);
});

it('power-of-two prefers the less loaded, and never takes the most loaded of three', () => {
  const offers = offersOf('power-of-two', { waiting: 30, load: Float64Array.of(0, 50, 90) });
  expect(offers[2]).toBe(0);
  expect(offers[0]).toBeGreaterThan(offers[1]);
});

it('fastest fills the fastest server first', () => {
  const speed = Float64Array.of(1, 2, 1);
  expect(offersOf('fastest', { waiting: 120, speed, load: Float64Array.of(0, 20, 50) })).toEqual([40, 80, 0]);
});

it('prequal avoids the servers with the most requests, and prefers the faster of the others', () => {
  const speed = Float64Array.of(1, 2, 3);
  const offers = offersOf('prequal', { waiting: 30, speed, load: Float64Array.of(0, 10, 90) });
  expect(offers[1]).toBeGreaterThan(offers[0]);
  expect(offers[2]).toBeLessThan(offers[0]);
  // With all servers overloaded, it balances requests in flight.
  expect(offersOf('prequal', { waiting: 10, load: Float64Array.of(120, 100, 110) })).toEqual([0, 0, 0]);
});

describe.each(ruleNames)('%s', (name) => {
  it('offers nothing of a server that is down', () => {
    const offers = offersOf(name, { waiting: 31, capacity: Float64Array.of(100, 0, 100) });
    expect(offers[1]).toBe(0);
    expect(offers[0] + offers[2]).toBeGreaterThanOrEqual(31);
  });

  it('bears that all servers are down', () => {
    expect(offersOf(name, { waiting: 31, capacity: Float64Array.of(0, 0, 0) })).toEqual([0, 0, 0]);
  });
});

it('names what there is where a policy is unknown', () => {
  expect(() => rule('least-load', { eta: 0.05 })).toThrow(UserError);
  expect(() => rule('least-load', { eta: 0.05 })).toThrow(/did you mean least-loaded\?/);
});
