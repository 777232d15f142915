import { FREQUENCIES } from './fingerprint.js';

/** Share of an image's side that a cropped copy may lack. */
const CROP = 0.05;
/** Number of sample points of a row for finding the frequencies of a part of it. */
const SAMPLES = 96;

/**
 * The versions that near-copies are compared with: the frequencies of the image, of the image without CROP of its sides
 * (cropped around the centre and at the four corners), and of the mirror image of each.
 */
export function versions(coefficients: Float32Array): Float32Array[] {
  const cropped = CROPS.map(([vertical, horizontal]) => crop(coefficients, vertical, horizontal));
  return [coefficients, ...cropped].flatMap((version) => [version, mirror(version)]);
}

/** Mirroring left to right changes the sign of odd horizontal frequencies. */
export function mirror(coefficients: Float32Array): Float32Array {
  return coefficients.map((value, i) => ((i % FREQUENCIES) % 2 === 1 ? -value : value));
}

/**
 * The effect of cropping a row on its frequencies, [FREQUENCIES, FREQUENCIES]: the transform of each cropped cosine.
 */
function croppingMatrix(start: number, length: number): Float32Array {
  const matrix = new Float32Array(FREQUENCIES * FREQUENCIES);
  for (let to = 0; to < FREQUENCIES; to++) {
    for (let from = 0; from < FREQUENCIES; from++) {
      let sum = 0;
      for (let i = 0; i < SAMPLES; i++) {
        const x = (i + 0.5) / SAMPLES;
        sum += Math.cos(Math.PI * from * (start + length * x)) * Math.cos(Math.PI * to * x);
      }
      // The inverse transform counts every frequency except the first twice.
      matrix[to * FREQUENCIES + from] = (sum / SAMPLES) * (from === 0 ? 1 : 2);
    }
  }
  return matrix;
}

const START = croppingMatrix(0, 1 - CROP);
const MIDDLE = croppingMatrix(CROP / 2, 1 - CROP);
const END = croppingMatrix(CROP, 1 - CROP);
const CROPS = [
  [MIDDLE, MIDDLE],
  [START, START],
  [START, END],
  [END, START],
  [END, END],
];

function crop(coefficients: Float32Array, vertical: Float32Array, horizontal: Float32Array): Float32Array {
  const n = FREQUENCIES;
  const half = new Float32Array(n * n);
  const whole = new Float32Array(n * n);
  for (let j = 0; j < n; j++) {
    for (let to = 0; to < n; to++) {
      let sum = 0;
      for (let k = 0; k < n; k++) sum += coefficients[j * n + k] * horizontal[to * n + k];
      half[j * n + to] = sum;
    }
  }
  for (let to = 0; to < n; to++) {
    for (let k = 0; k < n; k++) {
      let sum = 0;
      for (let j = 0; j < n; j++) sum += half[j * n + k] * vertical[to * n + j];
      whole[to * n + k] = sum;
    }
  }
  whole[0] = 0;
  return whole;
}
