import { expect, it } from 'vitest';
import { UserError } from '../base/errors.js';
import { resolveSettings } from './settings.js';
import { parseObjective } from './simulation/costs.js';

it("has the paper's testbed where nothing is said", () => {
  const { servers, load, slots, eta } = resolveSettings({});
  expect(servers.map(({ capacity, speed }) => [capacity, speed])).toEqual([
    [500, 1],
    [500, 1],
    [500, 1],
  ]);
  expect([load, slots, eta]).toEqual([0.8, 500, 0.05]);
});

it.each<[string, unknown, RegExp]>([
  ['no object', [], /^settings: /],
  ['no server', { servers: [] }, /^settings: servers: /],
  ['a negative capacity', { servers: [{ capacity: -1 }] }, /servers\.0\.capacity: /],
  ['half a place', { servers: [{ capacity: 0.5 }] }, /servers\.0\.capacity: /],
  ['a speed of 0', { servers: [{ capacity: 1, speed: 0 }] }, /servers\.0\.speed: /],
  ['a load below 0', { load: -0.1 }, /load: /],
  ['an eta beyond the paper', { eta: 0.1 }, /eta: /],
  ['an unknown field', { laod: 1 }, /laod/],
  [
    'a range backwards',
    { service: { short: [3, 1], long: [4, 5], longShare: 0.1 } },
    /service\.short: .*smaller number first/,
  ],
  [
    'a failure of a server that is not there',
    { failures: [{ server: 3, from: 1, to: 2 }] },
    /one of 3 servers .* found server 3/,
  ],
  ['a failure that ends before it begins', { failures: [{ server: 0, from: 5, to: 5 }] }, /from 5 to 5/],
])('refuses %s', (_, given, line) => {
  expect(() => resolveSettings(given)).toThrow(UserError);
  expect(() => resolveSettings(given)).toThrow(line);
});

it('reads an objective, and names what it does not know', () => {
  expect(parseObjective('variance')).toEqual({ variance: 1 });
  expect(parseObjective('latency=1, cloud=0.5')).toEqual({ latency: 1, cloud: 0.5 });
  for (const wrong of ['speed', 'variance=-1', 'variance=', 'latency=1,', 'cloud=Infinity']) {
    expect(() => parseObjective(wrong)).toThrow(UserError);
  }
});
