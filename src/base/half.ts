const float = new Float32Array(1);
const bitsOf = new Uint32Array(float.buffer);

/**
 * The bits of a number in half precision (IEEE 754 binary16), rounded to nearest, ties to even. From 65520 on the result
 * is Infinity; small numbers become subnormals or signed zeros; NaN is 0x7e00.
 */
export function toHalf(value: number): number {
  const size = Math.abs(value);
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  if (Number.isNaN(size)) return 0x7e00;
  if (size >= 65520) return sign | 0x7c00;
  // If rounding to single precision reaches the next power of two, so does rounding to half precision.
  float[0] = size;
  const exponent = Math.max(-14, (bitsOf[0] >>> 23) - 127);
  // Doubles near 2^52 are whole numbers, so adding 2^52 rounds to nearest, ties to even.
  const steps = size * 2 ** (10 - exponent) + 2 ** 52 - 2 ** 52;
  return sign | ((exponent + 14) * 1024 + steps);
}

/** The number with these bits in half precision. */
export function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent ? (1024 + fraction) * 2 ** (exponent - 25) : fraction * 2 ** -24);
}
