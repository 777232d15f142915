/** Mean of a sample with the half width of its 95 % interval. */
export interface Estimate {
  readonly mean: number;
  readonly half: number;
  readonly values: readonly number[];
}

/** The mean of a sample and its 95 % interval (Student's t). A single value has no interval: its half width is 0. */
export function estimate(values: readonly number[]): Estimate {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  if (n < 2) return { mean, half: 0, values };
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  return { mean, half: studentT(0.95, n - 1) * Math.sqrt(variance / n), values };
}

/**
 * Two-sided quantile of Student's t: the t for which |T| <= t has the given probability.
 *
 * @param probability in (0, 1)
 * @param degrees of freedom, a whole number from 1
 */
export function studentT(probability: number, degrees: number): number {
  // Bisection over the angle θ = atan(t / √degrees), which is bounded and makes the probability a finite series.
  let [low, high] = [0, Math.PI / 2];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (probabilityWithin(middle, degrees) < probability) low = middle;
    else high = middle;
  }
  return Math.sqrt(degrees) * Math.tan((low + high) / 2);
}

/** P(|T| <= √degrees tan θ): Abramowitz and Stegun, 26.7.3 (odd degrees of freedom) and 26.7.4 (even). */
function probabilityWithin(theta: number, degrees: number): number {
  const isOdd = degrees % 2 === 1;
  const squaredCosine = Math.cos(theta) ** 2;
  let term = isOdd ? Math.cos(theta) : 1;
  let sum = 0;
  for (let i = isOdd ? 3 : 2; i <= degrees; i += 2) {
    sum += term;
    term *= (squaredCosine * (i - 1)) / i;
  }
  const product = Math.sin(theta) * sum;
  return isOdd ? (2 / Math.PI) * (theta + product) : product;
}
