import type { Policy } from '../../scheduling/policies/policy.js';
import { resolveSettings } from '../../scheduling/settings.js';
import { type Estimates, estimates, simulate } from '../../scheduling/simulation/simulate.js';
import { createWorld, type World } from '../../scheduling/world.js';
import { type Figure, point } from './figure.js';

export const LOADS = [0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.3];

/** Tasks per step at a load: the x axis of the paper's figures. */
export const tasksPerStep = ({ workPerStep, meanWork }: World, load: number): number =>
  Math.round((load * workPerStep) / meanWork);

/** Copies a world with another load. */
const atLoad = ({ settings }: World, load: number): World => createWorld(resolveSettings({ ...settings, load }));

/** The measurements of one policy at every load. */
export interface Line {
  readonly name: string;
  readonly measured: readonly { readonly x: number; readonly measures: Estimates }[];
}

/** Simulates a policy at every load. @param policies one for each seed */
export function measureLoads(
  name: string,
  world: World,
  policies: readonly Policy[],
  seeds: readonly number[],
  episodes: number,
): Line {
  const measured = LOADS.map((load) => {
    const loaded = atLoad(world, load);
    const measures = estimates(policies.map((policy, i) => simulate(loaded, policy, seeds[i], episodes)));
    return { x: tasksPerStep(world, load), measures };
  });
  return { name, measured };
}

/** Two figures of the same lines: variance (a) and latency (b). @param what the end of both titles */
export function figuresByLoad(number: number, what: string, lines: readonly Line[]): Figure[] {
  const figure = (part: string, title: string, yName: string, of: 'variance' | 'meanMs', log = false): Figure => ({
    id: `fig-${number}${part}`,
    title: `${title} ${what}`,
    xName: 'tasks that arrive in a step',
    yName,
    log,
    series: lines.map(({ name, measured }) => ({
      name,
      points: measured.map(({ x, measures }) => point(x, measures[of])),
    })),
  });
  return [
    figure('a', 'Variance of the utilisation', 'variance of utilisation', 'variance', true),
    figure('b', 'Mean latency', 'mean latency (ms)', 'meanMs'),
  ];
}
