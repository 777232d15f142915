/** Tasks in the order of their arrival; the same for all policies that are compared. */
export interface TaskSet {
  /** Steps in which they arrive. */
  readonly steps: number;
  /** Index of the first task that arrives in a step; one entry more than steps, the last the number of tasks. */
  readonly firstOf: Int32Array;
  readonly arrival: Int32Array;
  /** Steps that the task takes at speed 1. */
  readonly work: Float32Array;
  /** The server that its user is closest to. */
  readonly place: Uint8Array;
}
