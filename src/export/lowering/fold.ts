import { BATCH_NORM_EPSILON } from '../../network/layers.js';

/** y = x * scale + shift, per channel; without a scale, y = x + shift. */
export interface Affine {
  readonly scale?: Float32Array;
  readonly shift: Float32Array;
}

/** Batch normalisation with running statistics as one scale and one shift, rounded step by step as the trainer does. */
export function foldBatchNorm(
  gamma: Float32Array,
  beta: Float32Array,
  mean: Float32Array,
  variance: Float32Array,
  epsilon: number = BATCH_NORM_EPSILON,
): Affine {
  const { fround, sqrt } = Math;
  const scale = gamma.map((g, i) => fround(g * fround(1 / fround(sqrt(fround(variance[i] + epsilon))))));
  const shift = beta.map((b, i) => fround(b - fround(mean[i] * scale[i])));
  return { scale, shift };
}

/** One affine map for `first` followed by `second`. Both have the same number of channels. */
export function composed(first: Affine, second: Affine): Affine {
  const { fround } = Math;
  const scale = first.scale && second.scale ? multiplied(first.scale, second.scale) : (first.scale ?? second.scale);
  const shift = second.shift.map((s, i) => fround(fround(first.shift[i] * (second.scale?.[i] ?? 1)) + s));
  return { scale, shift };
}

const multiplied = (a: Float32Array, b: Float32Array): Float32Array => a.map((value, i) => value * b[i]);
