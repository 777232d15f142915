import type { TaskSet } from '../tasks/task-set.js';
import type { World } from '../world.js';
import type { StepCosts } from './costs.js';
import type { Observation } from './observation.js';

/** `servedBy` of a task that no server has yet; the cloud counts as server N. */
export const NOBODY = -1;

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** One simulation under way: servers, buffer and tasks. `beginStep` and `dispatchTasks` change it, in turn, once a step each. */
export interface Episode {
  readonly world: World;
  readonly tasks: TaskSet;
  step: number;
  /** Tasks that have arrived so far: those with a lower index. */
  arrived: number;

  /** Of each server: tasks it works on (g_i), tasks that wait there, and whether it is up. */
  readonly running: Int32Array;
  readonly queued: Int32Array;
  readonly up: Uint8Array;
  /** How many tasks each server ends in each of the coming steps: a ring of `horizon` steps a server. */
  readonly ending: Int32Array;
  readonly horizon: number;
  /** The tasks that wait at each server, in order, as a chain of tasks; NOBODY ends it. */
  readonly queueHead: Int32Array;
  readonly queueTail: Int32Array;
  readonly queueNext: Int32Array;

  /** Tasks that no server has been given yet: a ring, from `bufferHead` on. */
  readonly buffer: Int32Array;
  bufferHead: number;
  buffered: number;

  /** Tasks that were sent to each server since `observation.load` was brought up to date, and the step of the last report. */
  readonly sent: Float64Array;
  lastReport: number;
  /** Share of its tasks that each server should end in a step, by its speed and the mean work of a task. */
  readonly endingShare: Float64Array;
  readonly observation: Mutable<Observation>;

  /** Of each task: the server that works on it, the step before which it ends, its latency, how often it was begun. */
  readonly servedBy: Int16Array;
  readonly end: Int32Array;
  readonly latencyMs: Float32Array;
  readonly begun: Uint8Array;
  /** Tasks that went to the cloud. */
  overflowed: number;
  readonly costs: StepCosts;
  /** Whole numbers that `dispatchTasks` computes in. */
  readonly taken: Int32Array;
  readonly bounced: number[];
}

/** An episode before its first step, with all servers idle. */
export function createEpisode(world: World, tasks: TaskSet): Episode {
  const { servers, settings, speed } = world;
  const count = tasks.arrival.length;
  const slowest = speed.reduce((least, value) => Math.min(least, value));
  const longest = tasks.work.reduce((most, work) => Math.max(most, work), 1);
  const meanWork = tasks.work.reduce((sum, work) => sum + work, 0) / Math.max(1, count);
  const horizon = Math.ceil(longest / slowest) + 2;
  return {
    world,
    tasks,
    step: 0,
    arrived: 0,
    running: new Int32Array(servers),
    queued: new Int32Array(servers),
    up: new Uint8Array(servers).fill(1),
    ending: new Int32Array(servers * horizon),
    horizon,
    queueHead: new Int32Array(servers).fill(NOBODY),
    queueTail: new Int32Array(servers).fill(NOBODY),
    queueNext: new Int32Array(count).fill(NOBODY),
    buffer: new Int32Array(count),
    bufferHead: 0,
    buffered: 0,
    sent: new Float64Array(servers),
    lastReport: 0,
    endingShare: speed.map((value) => Math.min(1, value / Math.max(1, meanWork))),
    observation: {
      capacity: Float64Array.from(world.capacity),
      speed,
      load: new Float64Array(servers),
      age: 0,
      waiting: 0,
      behind: 0,
      places: new Uint8Array(Math.min(settings.slots, count)),
      nearest: world.nearest,
    },
    servedBy: new Int16Array(count).fill(NOBODY),
    end: new Int32Array(count),
    latencyMs: new Float32Array(count),
    begun: new Uint8Array(count),
    overflowed: 0,
    costs: { variance: 0, latency: 0, late: 0, energy: 0, cloud: 0 },
    taken: new Int32Array(servers),
    bounced: [],
  };
}

/** Whether every task has been given to a server or the cloud. */
export function isDone({ tasks, step, buffered, queued }: Episode): boolean {
  return step >= tasks.steps && buffered === 0 && queued.every((count) => count === 0);
}
