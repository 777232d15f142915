/** α of Eq. 4 for each filter of a latent kernel: the mean of |W|. Filters are the last axis. */
export function filterScales(latent: Float32Array, filters: number): Float32Array {
  const sums = new Float64Array(filters);
  latent.forEach((weight, i) => {
    sums[i % filters] += Math.abs(weight);
  });
  return Float32Array.from(sums, (sum) => (sum * filters) / latent.length);
}
