/**
 * What a policy decides by: the load of the servers and the tasks in the slots (Fig. 6). The simulation and a gateway
 * fill it in alike.
 */
export interface Observation {
  /** Tasks that each server can work on at the same time; 0 for one that is known to be down. */
  readonly capacity: Float64Array;
  /** Speed of each server, 1 being that of the service times. */
  readonly speed: Float64Array;
  /**
   * Tasks at each server, as far as is known: as last reported and, where the scheduler keeps count, what it has sent
   * since without what should be done by now. Above the capacity where tasks wait at the server.
   */
  readonly load: Float64Array;
  /** Steps since the last report, as a share of the steps between reports, in [0, 1). */
  readonly age: number;
  /** Tasks in the slots, at most M. */
  readonly waiting: number;
  /** Tasks that wait behind the slots. */
  readonly behind: number;
  /** The place of the task in each slot: the server that its user is closest to. Valid up to `waiting`. */
  readonly places: Uint8Array;
  /** For each place, its servers from the closest on (N x N). */
  readonly nearest: Int32Array;
}

/** Tasks that a server could begin at once, as far as is known. */
export function freeAt({ capacity, load }: Observation, server: number): number {
  return Math.max(0, capacity[server] - load[server]);
}
