/** State of an optimiser that follows a gradient upwards. */
export interface PolicyOptimizer {
  /** Moments of Adam; unused by plain ascent. */
  readonly first: Float32Array;
  readonly second: Float32Array;
  /** Number of updates so far. */
  updates: number;
}

const BETA1 = 0.9;
const BETA2 = 0.999;
const EPSILON = 1e-8;

/** Update rules by name. */
export const UPDATES = {
  /** Adam (Kingma and Ba 2015). */
  adam(values: Float32Array, gradient: Float64Array, rate: number, optimizer: PolicyOptimizer): void {
    const { first, second } = optimizer;
    optimizer.updates++;
    const correction1 = 1 - BETA1 ** optimizer.updates;
    const correction2 = 1 - BETA2 ** optimizer.updates;
    for (let i = 0; i < values.length; i++) {
      first[i] = BETA1 * first[i] + (1 - BETA1) * gradient[i];
      second[i] = BETA2 * second[i] + (1 - BETA2) * gradient[i] * gradient[i];
      values[i] += (rate * (first[i] / correction1)) / (Math.sqrt(second[i] / correction2) + EPSILON);
    }
  },
  /** Eq. 9 as printed: θ <- θ + α g. */
  ascent(values: Float32Array, gradient: Float64Array, rate: number, optimizer: PolicyOptimizer): void {
    optimizer.updates++;
    for (let i = 0; i < values.length; i++) values[i] += rate * gradient[i];
  },
} as const;

export type UpdateName = keyof typeof UPDATES;

export const createOptimizer = (size: number): PolicyOptimizer => ({
  first: new Float32Array(size),
  second: new Float32Array(size),
  updates: 0,
});
