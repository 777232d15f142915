import { BATCH_NORM_EPSILON } from '../network/layers.js';

/** y = x * scale + shift, per channel. */
export interface Affine {
  readonly scale: Float32Array;
  readonly shift: Float32Array;
}

/** Batch normalisation with running statistics as one scale and one shift, rounded step by step as the trainer does. */
export function foldBatchNorm(
  gamma: Float32Array,
  beta: Float32Array,
  mean: Float32Array,
  variance: Float32Array,
): Affine {
  const { fround, sqrt } = Math;
  const scale = gamma.map((g, i) => fround(g * fround(1 / fround(sqrt(fround(variance[i] + BATCH_NORM_EPSILON))))));
  const shift = beta.map((b, i) => fround(b - fround(mean[i] * scale[i])));
  return { scale, shift };
}

/** α of Eq. 4: the mean of |W| per filter; filters are the last axis. */
export function filterScale(latent: Float32Array, filters: number): Float32Array {
  const sums = new Float64Array(filters);
  latent.forEach((weight, i) => {
    sums[i % filters] += Math.abs(weight);
  });
  return Float32Array.from(sums, (sum) => (sum * filters) / latent.length);
}
