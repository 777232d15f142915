import type { ImageShape } from '../pixels.js';

/** Images are compared by their lowest frequencies: FREQUENCIES in each direction. */
export const FREQUENCIES = 12;

/** Side of the grey image that the frequencies are computed from. */
const GRID = 32;
/** Standard deviation of grey values (0 to 255) below which an image counts as flat. */
const FLAT = 1;
/** Bytes before the coefficients: the mean of each colour. */
const COLOURS = 3;
const LENGTH = COLOURS + FREQUENCIES * FREQUENCIES;

/** Properties that near-copies of an image share with it. */
export interface Fingerprint {
  /** Mean red, green and blue, from 0 to 255. */
  readonly colour: readonly number[];
  /** Coefficients of the discrete cosine transform, [FREQUENCIES, FREQUENCIES], vertical first; all 0 for a flat image. */
  readonly coefficients: Float32Array;
}

/** cos(π (x + 1/2) k / n): row k of the discrete cosine transform of n values, [FREQUENCIES, n]. */
function cosines(n: number): Float32Array[] {
  return Array.from({ length: FREQUENCIES }, (_, k) =>
    Float32Array.from({ length: n }, (_value, x) => Math.cos((Math.PI * (x + 0.5) * k) / n)),
  );
}

const COSINES = cosines(GRID);

/**
 * Computes the fingerprint of an image: the idea of pHash (Zauner 2010), with more frequencies. Their values are kept,
 * so that cropped and mirrored versions can be derived from them (`near-copies/versions.ts`).
 *
 * @param pixels height * width * channels bytes, HWC
 */
export function fingerprint(pixels: Uint8Array, shape: ImageShape): Fingerprint {
  const [height, width, channels] = shape;
  const grey = greyGrid(pixels, shape);
  const colour = Array.from({ length: COLOURS }, (_, c) => {
    let sum = 0;
    for (let p = Math.min(c, channels - 1); p < pixels.length; p += channels) sum += pixels[p];
    return sum / (height * width);
  });
  return { colour, coefficients: transform(grey) };
}

/** Means of the grey values over GRID x GRID equal parts of the image; a part may cover fractions of pixels. */
function greyGrid(pixels: Uint8Array, [height, width, channels]: ImageShape): Float32Array {
  const across = weights(width);
  const rows = new Float32Array(height * GRID);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = (y * width + x) * channels;
      const grey = channels < 3 ? pixels[at] : 0.299 * pixels[at] + 0.587 * pixels[at + 1] + 0.114 * pixels[at + 2];
      for (const { cell, weight } of across[x]) rows[y * GRID + cell] += weight * grey;
    }
  }
  const grid = new Float32Array(GRID * GRID);
  for (const [y, cells] of weights(height).entries()) {
    for (const { cell, weight } of cells) {
      for (let x = 0; x < GRID; x++) grid[cell * GRID + x] += weight * rows[y * GRID + x];
    }
  }
  return grid;
}

/** Contribution of each of `count` pixels to each of GRID cells; the weights of a cell add up to 1. */
function weights(count: number): { cell: number; weight: number }[][] {
  return Array.from({ length: count }, (_, pixel) => {
    const [from, to] = [(pixel * GRID) / count, ((pixel + 1) * GRID) / count];
    const cells: { cell: number; weight: number }[] = [];
    for (let cell = Math.floor(from); cell < to && cell < GRID; cell++) {
      cells.push({ cell, weight: Math.min(to, cell + 1) - Math.max(from, cell) });
    }
    return cells;
  });
}

function transform(grid: Float32Array): Float32Array {
  const rows = new Float32Array(GRID * FREQUENCIES);
  for (let y = 0; y < GRID; y++) {
    for (let k = 0; k < FREQUENCIES; k++) {
      let sum = 0;
      for (let x = 0; x < GRID; x++) sum += grid[y * GRID + x] * COSINES[k][x];
      rows[y * FREQUENCIES + k] = sum;
    }
  }
  const coefficients = new Float32Array(FREQUENCIES * FREQUENCIES);
  for (let j = 0; j < FREQUENCIES; j++) {
    for (let k = 0; k < FREQUENCIES; k++) {
      let sum = 0;
      for (let y = 0; y < GRID; y++) sum += rows[y * FREQUENCIES + k] * COSINES[j][y];
      coefficients[j * FREQUENCIES + k] = sum;
    }
  }
  coefficients[0] = 0; // the mean is brightness, which doesn't distinguish images
  const energy = coefficients.reduce((sum, value) => sum + value * value, 0);
  // By Parseval's theorem, a grid of deviation d has energy of about d² GRID⁴ / 4.
  return energy < (FLAT * GRID * GRID) ** 2 / 4 ? coefficients.fill(0) : coefficients;
}

/** As text of 196 characters: coefficients in 8 bits, relative to the largest. */
export function encodeFingerprint({ colour, coefficients }: Fingerprint): string {
  const bytes = new Int8Array(LENGTH);
  const largest = coefficients.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
  for (const [c, mean] of colour.entries()) bytes[c] = Math.round(mean) - 128;
  // The square root keeps the signs of small coefficients.
  for (const [i, value] of coefficients.entries()) {
    bytes[COLOURS + i] = Math.round(127 * Math.sign(value) * Math.sqrt(Math.abs(value) / largest));
  }
  return Buffer.from(bytes.buffer).toString('base64');
}

export function decodeFingerprint(text: string): Fingerprint {
  const buffer = Buffer.from(text, 'base64');
  const bytes = new Int8Array(buffer.buffer, buffer.byteOffset, LENGTH);
  return {
    colour: Array.from(bytes.subarray(0, COLOURS), (value) => value + 128),
    coefficients: Float32Array.from(bytes.subarray(COLOURS), (value) => value * Math.abs(value)),
  };
}
