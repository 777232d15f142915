import { expect } from 'vitest';
import { integer, normal, type Random } from '../src/base/random.js';

export type Floats = Float32Array;
export type Bits = Uint8Array;

export const floats = (next: Random, count: number): Floats => Float32Array.from({ length: count }, () => normal(next));
/** Small whole numbers: their sums are exact in any order. */
export const wholes = (next: Random, count: number): Floats =>
  Float32Array.from({ length: count }, () => integer(next, 17) - 8);
/** Rows of random bits; the bits that fill their last bytes are 0. */
export function bitRows(next: Random, rows: number, bits: number): Bits {
  const rowBytes = Math.ceil(bits / 8);
  return Uint8Array.from({ length: rows * rowBytes }, (_, i) => {
    const left = bits - (i % rowBytes) * 8;
    return integer(next, 256) & (left < 8 ? (1 << left) - 1 : 0xff);
  });
}

/** The signs that packed rows stand for, as +1 and -1. */
export function unpacked(bytes: Bits, rows: number, bits: number): Floats {
  const rowBytes = Math.ceil(bits / 8);
  return Float32Array.from({ length: rows * bits }, (_, at) => {
    const i = at % bits;
    return (bytes[Math.floor(at / bits) * rowBytes + (i >> 3)] >> (i & 7)) & 1 ? 1 : -1;
  });
}

/** Every value the same, to the bit. (Vitest's own comparison of long arrays is slow.) */
export function expectEqual(got: ArrayLike<number>, want: ArrayLike<number>): void {
  expect(got.length).toBe(want.length);
  for (let i = 0; i < want.length; i++) {
    if (!Object.is(got[i], want[i])) expect.fail(`value ${i}: expected ${want[i]}, found ${got[i]}`);
  }
}
