import { type Fingerprint, FREQUENCIES } from './fingerprint.js';
import { versions } from './versions.js';

/** Near-copies differ in at most this many of 143 signs of frequencies; docs/train/data.md has the measurement. */
export const MOST_DIFFERENT = 22;
/** Maximum difference of a colour's mean, out of 255. */
const COLOUR_TOLERANCE = 40;
/** Number of the lowest frequencies whose signs form the key of the lookup table. Candidates agree in all of them. */
const KEY_BITS = 20;
/** A copy may change the weakest signs of a key, so all combinations of this many are looked up. */
const WEAK_BITS = 5;

/**
 * Relative to the largest coefficient: below this the sign of a coefficient is noise. In blurred pictures, most are.
 */
const NOISE = 0.002;
/** Two images are compared only if they share this many signs, as a share of the signs that either has. */
const COMPARABLE = 0.5;

const SIGNS = FREQUENCIES * FREQUENCIES - 1;
const WORDS = Math.ceil((SIGNS + 1) / 32);

/** Indices of frequencies, sorted by the sum of both directions, without the mean. */
const LOWEST = Array.from({ length: FREQUENCIES * FREQUENCIES }, (_, i) => i)
  .sort((a, b) => frequencySum(a) - frequencySum(b))
  .slice(1, 1 + KEY_BITS);

function frequencySum(i: number): number {
  return Math.floor(i / FREQUENCIES) + (i % FREQUENCIES);
}

/** Two images that look alike. */
export interface NearCopies {
  readonly first: number;
  readonly second: number;
  /** Number of signs of frequencies in which they differ, scaled to 143. */
  readonly distance: number;
}

/**
 * Finds pairs of images that are the same except for resizing, recompression, mirroring, small changes of brightness, or
 * a crop of a twentieth of their sides. Returns pairs of indices, the most similar first. Time grows with the number of
 * images, not with its square: candidates come from a table of the signs of the lowest frequencies, in which the weakest
 * signs are looked up both ways (multi-probe hashing, Lv et al. 2007).
 */
export function findNearCopies(images: readonly Fingerprint[]): NearCopies[] {
  const signs = images.map(({ coefficients }) => signsOf(coefficients));
  const table = new Map<number, number[]>();
  for (const [i, { coefficients }] of images.entries()) {
    const key = keyOf(coefficients);
    const bucket = table.get(key);
    if (bucket) bucket.push(i);
    else table.set(key, [i]);
  }
  const pairs = new Map<number, NearCopies>();
  for (const [i, image] of images.entries()) {
    for (const version of versions(image.coefficients)) {
      const sought = signsOf(version);
      for (const key of probes(version)) {
        for (const j of table.get(key) ?? []) {
          if (i === j || !isSameColour(image, images[j])) continue;
          const distance = differences(sought, signs[j]);
          if (distance > MOST_DIFFERENT) continue;
          const [first, second] = [Math.min(i, j), Math.max(i, j)];
          const pair = first * images.length + second;
          const known = pairs.get(pair);
          if (!known || known.distance > distance) pairs.set(pair, { first, second, distance });
        }
      }
    }
  }
  return [...pairs.values()].sort((a, b) => a.distance - b.distance || a.first - b.first || a.second - b.second);
}

const isSameColour = (a: Fingerprint, b: Fingerprint): boolean =>
  a.colour.every((mean, c) => Math.abs(mean - b.colour[c]) <= COLOUR_TOLERANCE);

/** Signs of coefficients as bits, and a mask of those that aren't noise. */
interface Signs {
  readonly positive: Int32Array;
  readonly significant: Int32Array;
  readonly count: number;
}

function signsOf(coefficients: Float32Array): Signs {
  const positive = new Int32Array(WORDS);
  const significant = new Int32Array(WORDS);
  let largest = 0;
  for (const value of coefficients) largest = Math.max(largest, Math.abs(value));
  let count = 0;
  for (let i = 0; i < coefficients.length; i++) {
    if (coefficients[i] > 0) positive[i >> 5] |= 1 << (i & 31);
    if (Math.abs(coefficients[i]) <= NOISE * largest) continue;
    significant[i >> 5] |= 1 << (i & 31);
    count++;
  }
  return { positive, significant, count };
}

function keyOf(coefficients: Float32Array): number {
  let key = 0;
  for (let bit = 0; bit < KEY_BITS; bit++) if (coefficients[LOWEST[bit]] > 0) key |= 1 << bit;
  return key;
}

/** The key, and the keys with some of its weakest bits flipped. */
function probes(coefficients: Float32Array): number[] {
  const weakest = LOWEST.map((i, bit) => ({ bit, size: Math.abs(coefficients[i]) }))
    .sort((a, b) => a.size - b.size)
    .slice(0, WEAK_BITS);
  let keys = [keyOf(coefficients)];
  for (const { bit } of weakest) keys = keys.flatMap((key) => [key, key ^ (1 << bit)]);
  return keys;
}

function differences(a: Signs, b: Signs): number {
  let different = 0;
  let compared = 0;
  for (let i = 0; i < WORDS; i++) {
    const both = a.significant[i] & b.significant[i];
    compared += bitsIn(both);
    different += bitsIn((a.positive[i] ^ b.positive[i]) & both);
  }
  if (compared < COMPARABLE * Math.max(a.count, b.count)) return Number.POSITIVE_INFINITY;
  return compared === 0 ? 0 : (SIGNS * different) / compared;
}

/** Number of one bits (Hacker's Delight, section 5-1). */
function bitsIn(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return (((fours + (fours >>> 4)) & 0x0f0f0f0f) * 0x01010101) >>> 24;
}
