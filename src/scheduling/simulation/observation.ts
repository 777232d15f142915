/**
 * What a policy knows: the load of the servers and the tasks in the slots (Fig. 6). Both the simulation and the gateway
 * create it.
 */
export interface Observation {
  /** Tasks that each server can work on at the same time; 0 if the server is known to be down. */
  readonly capacity: Float64Array;
  /** Speed of each server. Service times are given for speed 1. */
  readonly speed: Float64Array;
  /**
   * Tasks at each server according to its last report. If the scheduler counts between reports, plus the tasks sent since
   * then and minus those that should be finished. Exceeds the capacity when tasks wait at the server.
   */
  readonly load: Float64Array;
  /** Time since the last report as a share of the report interval, in [0, 1). */
  readonly age: number;
  /** Number of tasks in the slots, at most M. */
  readonly waiting: number;
  /** Number of tasks that wait behind the slots. */
  readonly behind: number;
  /** For the task in each slot, the index of the server closest to its user. Valid up to `waiting`. */
  readonly places: Uint8Array;
  /** For each closest server, all servers ordered by distance (N x N). */
  readonly nearest: Int32Array;
}

/** Number of tasks that a server could start immediately, according to the observation. */
export function freeAt({ capacity, load }: Observation, server: number): number {
  return Math.max(0, capacity[server] - load[server]);
}
