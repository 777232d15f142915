/** The 97.5 % quantile of the standard normal distribution. */
export const Z_95 = 1.959963984540054;

/**
 * 95 % confidence interval of a share, from k hits in n samples: the score interval (Wilson 1927), which stays within
 * [0, 1] and is accurate for few samples and for shares near 0 and 1.
 */
export function shareInterval(hits: number, samples: number): [low: number, high: number] {
  if (samples === 0) return [0, 1];
  const share = hits / samples;
  const z2 = Z_95 ** 2 / samples;
  const centre = share + z2 / 2;
  const half = Z_95 * Math.sqrt((share * (1 - share)) / samples + z2 / (4 * samples));
  // Rounding must not keep the ends from 0 and 1.
  return [hits === 0 ? 0 : (centre - half) / (1 + z2), hits === samples ? 1 : (centre + half) / (1 + z2)];
}
