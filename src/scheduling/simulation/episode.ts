import type { TaskSet } from '../tasks/task-set.js';
import type { World } from '../world.js';
import type { StepCosts } from './costs.js';
import type { Observation } from './observation.js';

/** `servedBy` of a task without a server. The cloud counts as server N. */
export const NOBODY = -1;

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** State of a running simulation: servers, buffer and tasks. In each step, `beginStep` and then `dispatchTasks` change it. */
export interface Episode {
  readonly world: World;
  readonly tasks: TaskSet;
  step: number;
  /** Number of tasks that have arrived so far. */
  arrived: number;

  /** For each server: tasks it works on (g_i), tasks that wait there, and whether it is up. */
  readonly running: Int32Array;
  readonly queued: Int32Array;
  readonly up: Uint8Array;
  /** Tasks each server finishes in each coming step: a ring of `horizon` steps for each server. */
  readonly ending: Int32Array;
  readonly horizon: number;
  /** The tasks that wait at each server, in order, as a linked list that ends with NOBODY. */
  readonly queueHead: Int32Array;
  readonly queueTail: Int32Array;
  readonly queueNext: Int32Array;

  /** Tasks without a server: a ring that starts at `bufferHead`. */
  readonly buffer: Int32Array;
  bufferHead: number;
  buffered: number;

  /** Tasks sent to each server since `observation.load` was updated, and the step of the last report. */
  readonly sent: Float64Array;
  lastReport: number;
  /** Expected share of its tasks that each server finishes in a step, from its speed and the mean work of a task. */
  readonly endingShare: Float64Array;
  readonly observation: Mutable<Observation>;

  /** For each task: its server, the step before which it ends, its latency, and how often it was started. */
  readonly servedBy: Int16Array;
  readonly end: Int32Array;
  readonly latencyMs: Float32Array;
  readonly begun: Uint8Array;
  /** Number of tasks sent to the cloud. */
  overflowed: number;
  readonly costs: StepCosts;
  /** Scratch memory of `dispatchTasks`. */
  readonly taken: Int32Array;
  readonly bounced: number[];
}

/** Creates an episode before its first step, with all servers idle. */
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

/** Whether every task has started on a server or went to the cloud. */
export function isDone({ tasks, step, buffered, queued }: Episode): boolean {
  return step >= tasks.steps && buffered === 0 && queued.every((count) => count === 0);
}
