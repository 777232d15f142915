import { expect, it } from 'vitest';
import { random } from '../../base/random.js';
import { resolveSettings } from '../settings.js';
import { createWorld } from '../world.js';
import { drawTasks } from './draw-tasks.js';

it.each([0.1, 0.8, 1.3])('draws as much work as a load of %f, short and long', (load) => {
  const world = createWorld(resolveSettings({ load, steps: 200, skew: 0 }));
  const { work, place, firstOf } = drawTasks(world, random(1));
  const total = work.reduce((sum, steps) => sum + steps, 0);
  expect(total / (200 * world.workPerStep)).toBeCloseTo(load, 1);
  expect(work.filter((steps) => steps >= 10).length / work.length).toBeCloseTo(0.2, 1);
  expect(work.every((steps) => (steps >= 1 && steps <= 3) || (steps >= 10 && steps <= 15))).toBe(true);
  for (const server of [0, 1, 2]) {
    expect(place.filter((at) => at === server).length / place.length).toBeCloseTo(1 / 3, 1);
  }
  expect(firstOf[200]).toBe(work.length);
});

it('gathers users in a crowd that moves', () => {
  const world = createWorld(resolveSettings({ steps: 100, crowdPeriod: 100, skew: 3 }));
  const { place, firstOf } = drawTasks(world, random(1));
  const busiest = (from: number, to: number): number => {
    const counts = [0, 0, 0];
    for (const at of place.subarray(firstOf[from], firstOf[to])) counts[at]++;
    return counts.indexOf(Math.max(...counts));
  };
  const seen = new Set([0, 10, 20, 30, 40, 50, 60, 70, 80, 90].map((step) => busiest(step, step + 10)));
  expect([...seen].sort()).toEqual([0, 1, 2]);
});
