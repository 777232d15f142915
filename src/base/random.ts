/** A seeded generator of uniform numbers in [0, 1). */
export type Random = () => number;

/**
 * The only source of randomness: sfc32 (Doty-Humphrey's small fast counting generator), seeded with any number of
 * integers. `random(seed, epoch)` gives every epoch its own stream, so no generator state has to be saved.
 */
export function random(...seeds: number[]): Random {
  let a = 0x9e3779b9;
  let b = 0x243f6a88;
  let c = 0xb7e15162;
  let counter = 1;
  const next = (): number => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + sum) | 0;
    return (sum >>> 0) / 0x1_0000_0000;
  };
  for (const seed of seeds) {
    a ^= seed | 0;
    b ^= Math.floor(seed / 0x1_0000_0000) | 0;
    for (let i = 0; i < 12; i++) next();
  }
  return next;
}

/** A standard normal number (Box-Muller). */
export function normal(next: Random): number {
  return Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
}

/** A number from Beta(alpha, alpha), in [0, 1]: x / (x + y) for two numbers x and y from the same gamma distribution. */
export function beta(next: Random, alpha: number): number {
  return 1 / (1 + Math.exp(logGamma(next, alpha) - logGamma(next, alpha)));
}

/**
 * The logarithm of a number from Gamma(shape, 1), drawn with shape + 1 as Marsaglia and Tsang (2000) do for shapes below
 * 1. A logarithm, because for small shapes the number itself can be smaller than the smallest float.
 */
function logGamma(next: Random, shape: number): number {
  const d = shape + 2 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = normal(next);
    const v = (1 + c * x) ** 3;
    if (v <= 0 || Math.log(1 - next()) >= 0.5 * x * x + d - d * v + d * Math.log(v)) continue;
    return Math.log(d * v) + Math.log(1 - next()) / shape;
  }
}

/** A whole number in [0, below). */
export function integer(next: Random, below: number): number {
  return Math.floor(next() * below);
}

/** The numbers 0 .. count-1 in random order (Fisher-Yates). */
export function permutation(next: Random, count: number): Int32Array {
  const order = Int32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = integer(next, i + 1);
    const swapped = order[i];
    order[i] = order[j];
    order[j] = swapped;
  }
  return order;
}
