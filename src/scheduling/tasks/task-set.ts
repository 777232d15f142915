/** Tasks in order of arrival. Policies are compared on the same task set. */
export interface TaskSet {
  /** Number of steps in which tasks arrive. */
  readonly steps: number;
  /** Index of the first task that arrives in each step, and, as the last entry, the number of tasks. */
  readonly firstOf: Int32Array;
  readonly arrival: Int32Array;
  /** Steps each task takes at speed 1. */
  readonly work: Float32Array;
  /** Index of the server closest to each task's user. */
  readonly place: Uint8Array;
}
