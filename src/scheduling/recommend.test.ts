import { expect, it } from 'vitest';
import { type MeasuredTable, recommend, scenarioOf } from './recommend.js';
import { resolveSettings } from './settings.js';
import { estimate } from './statistics.js';

const measured = (mean: number, half: number) =>
  Object.fromEntries(
    ['variance', 'meanMs', 'p99Ms', 'joulesPerTask', 'cloud'].map((name) => [name, { mean, half }]),
  ) as MeasuredTable['rows'][number]['policies'][string];

const fresh = scenarioOf(resolveSettings({}));
const stale = scenarioOf(resolveSettings({ reportEvery: 10, tracking: false }));
const table: MeasuredTable = {
  seeds: 5,
  rows: [
    {
      scenario: fresh,
      policies: {
        'per-server for variance': measured(1, 0.2),
        'least-loaded': measured(1.3, 0.2),
        random: measured(3, 1),
      },
    },
    { scenario: stale, policies: { 'per-server for variance': measured(1, 0.1), 'least-loaded': measured(5, 0.1) } },
  ],
};

it('takes the simplest of the policies that tie with the best', () => {
  const { policy, ranking } = recommend(table, resolveSettings({ load: 0.7 }), 'variance');
  expect(policy).toBe('least-loaded');
  expect(ranking.map(({ policy, tied }) => [policy, tied])).toEqual([
    ['per-server for variance', true],
    ['least-loaded', true],
    ['random', false],
  ]);
});

it('goes by the nearest setting that was measured', () => {
  const found = recommend(table, resolveSettings({ reportEvery: 6, tracking: false }), 'p99Ms');
  expect([found.policy, found.scenario]).toEqual(['per-server for variance', stale]);
});

it('estimates a mean with the 95 % interval of Student', () => {
  const { mean, half } = estimate([1, 2, 3]);
  expect(mean).toBe(2);
  expect(half).toBeCloseTo(4.30265273 / Math.sqrt(3), 8);
});
