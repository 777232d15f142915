/** Mean of a sample with the half width of its 95 % interval. */
export interface Estimate {
  readonly mean: number;
  readonly half: number;
  readonly values: readonly number[];
}

/** Student's t for 95 %, two-sided, by degrees of freedom from 1. */
const T_95 = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11,
  2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
];

/** The mean and its 95 % interval by Student's t; of a single value, no interval (0). */
export function estimate(values: readonly number[]): Estimate {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  if (n < 2) return { mean, half: 0, values };
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  return { mean, half: (T_95[n - 2] ?? 1.96) * Math.sqrt(variance / n), values };
}
