import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { random } from '../../base/random.js';
import { RULES, ruleNames } from '../policies/index.js';
import type { Policy } from '../policies/policy.js';
import { resolveSettings } from '../settings.js';
import { drawTasks } from '../tasks/draw-tasks.js';
import type { TaskSet } from '../tasks/task-set.js';
import { createWorld, type World } from '../world.js';
import { beginStep } from './begin-step.js';
import { dispatchTasks } from './dispatch-tasks.js';
import { createEpisode, type Episode, isDone, NOBODY } from './episode.js';

const anySettings = fc.record({
  servers: fc.array(fc.record({ capacity: fc.integer({ min: 1, max: 12 }), speed: fc.constantFrom(0.3, 0.5, 1, 2) }), {
    minLength: 1,
    maxLength: 5,
  }),
  load: fc.double({ min: 0.1, max: 1.6, noNaN: true }),
  steps: fc.integer({ min: 1, max: 30 }),
  slots: fc.integer({ min: 1, max: 20 }),
  buffer: fc.integer({ min: 0, max: 30 }),
  skew: fc.constantFrom(0, 0.5, 3),
  reportEvery: fc.integer({ min: 1, max: 6 }),
  tracking: fc.boolean(),
  filling: fc.constantFrom('proportional' as const, 'nearest' as const),
  failures: fc.constantFrom([], [{ server: 0, from: 3, to: 9 }], [{ server: 0, from: 5, to: 500 }]),
});

/** Offers drawn without any sense, so that servers are overrun, ignored and sent tasks while they are down. */
const senseless: Policy = (_observation, next, offers) => {
  for (let server = 0; server < offers.length; server++) offers[server] = Math.floor(next() * 15);
};
const policyOf = (name: string, { settings }: World): Policy =>
  name === 'senseless' ? senseless : RULES[name](settings);
const anyPolicy = fc.constantFrom(...ruleNames, 'senseless');

function run(world: World, tasks: TaskSet, name: string, seed: number, look: (episode: Episode) => void): Episode {
  const episode = createEpisode(world, tasks);
  const offers = new Float64Array(world.servers);
  const [policy, next] = [policyOf(name, world), random(seed)];
  while (!isDone(episode)) {
    beginStep(episode);
    policy(episode.observation, next, offers);
    dispatchTasks(episode, offers);
    look(episode);
  }
  return episode;
}

/** Tasks that have ended, are being worked on at each server, or are with nobody, counted from the tasks themselves. */
function countTasks({ servedBy, end, step, arrived, world }: Episode) {
  const counts = { ended: 0, cloud: 0, nobody: 0, running: Array.from(world.capacity, () => 0) };
  for (let task = 0; task < arrived; task++) {
    if (servedBy[task] === NOBODY) counts.nobody++;
    else if (servedBy[task] === world.servers) counts.cloud++;
    else if (end[task] >= step) counts.running[servedBy[task]]++;
    else counts.ended++;
  }
  return counts;
}

describe('a simulation, whatever the settings and the policy', () => {
  it('loses no task, works on none twice, and never works on more than it has places', () => {
    fc.assert(
      fc.property(anySettings, anyPolicy, fc.nat(1000), (given, policy, seed) => {
        const world = createWorld(resolveSettings(given));
        const tasks = drawTasks(world, random(seed));
        const done = run(world, tasks, policy, seed, (episode) => {
          const counts = countTasks(episode);
          expect(counts.running).toEqual([...episode.running]);
          expect(counts.nobody).toBe(episode.buffered + episode.queued.reduce((sum, count) => sum + count, 0));
          expect(counts.cloud).toBe(episode.overflowed);
          for (let server = 0; server < world.servers; server++) {
            expect(episode.running[server]).toBeGreaterThanOrEqual(0);
            expect(episode.running[server]).toBeLessThanOrEqual(world.capacity[server]);
          }
          expect(episode.costs.variance).toBeLessThanOrEqual(0.5);
        });
        expect(done.arrived).toBe(tasks.arrival.length);
        expect(done.servedBy).not.toContain(NOBODY);
        // Begun once; again only where a server went down.
        const most = given.failures.length > 0 ? 2 : 1;
        for (const times of done.begun) expect(times >= 1 && times <= most).toBe(true);
        for (let task = 0; task < done.arrived; task++) {
          expect(done.latencyMs[task]).toBeGreaterThan(0);
          expect(done.end[task]).toBeGreaterThan(tasks.arrival[task]);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('gives the same result for the same seed', () => {
    fc.assert(
      fc.property(anySettings, anyPolicy, fc.nat(1000), (given, policy, seed) => {
        const world = createWorld(resolveSettings(given));
        const result = () => {
          const { servedBy, latencyMs } = run(world, drawTasks(world, random(seed)), policy, seed, () => {});
          return [servedBy, latencyMs];
        };
        expect(result()).toEqual(result());
      }),
      { numRuns: 40 },
    );
  });
});

describe('a server that goes down', () => {
  const settings = { servers: [{ capacity: 10 }, { capacity: 10 }], steps: 60, load: 0.4, skew: 0 };
  const world = createWorld(resolveSettings({ ...settings, failures: [{ server: 0, from: 20, to: 40 }] }));

  it('works on nothing while it is down, and its tasks are begun anew elsewhere', () => {
    const tasks = drawTasks(world, random(1));
    const served: number[] = [];
    const done = run(world, tasks, 'least-loaded', 1, (episode) => {
      served[episode.step] = episode.running[0];
    });
    expect(Math.max(...served.slice(21, 41))).toBe(0);
    expect(served[19]).toBeGreaterThan(0);
    expect(served[45]).toBeGreaterThan(0);
    expect(done.begun).toContain(2);
    expect(done.servedBy).not.toContain(NOBODY);
  });
});

describe('a full buffer', () => {
  it('sends what finds no room to the cloud, at its delay', () => {
    const world = createWorld(resolveSettings({ servers: [{ capacity: 2 }], load: 4, slots: 3, buffer: 2 }));
    const done = run(world, drawTasks(world, random(1)), 'least-loaded', 1, (episode) => {
      expect(episode.buffered).toBeLessThanOrEqual(5);
    });
    expect(done.overflowed).toBeGreaterThan(0);
    const atCloud = done.servedBy.indexOf(1);
    expect(done.latencyMs[atCloud]).toBe(100 + 10 * done.tasks.work[atCloud]);
  });
});
