import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BUILDS, loadKernels } from './harness.js';

const bytes = (count: number) => fc.uint8Array({ minLength: count, maxLength: count });

/** Integers as the memory that a kernel takes. */
const memoryOf = (values: Int32Array): Uint8Array => new Uint8Array(values.buffer);

describe.each(BUILDS)('the resizing kernels (%s)', (build) => {
  const kernels = loadKernels(build);

  it('lay pixels on black, rounded', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 21 }).chain((count) => bytes(4 * count)),
        fc.boolean(),
        (pixels, isOpaque) => {
          if (isOpaque) for (let i = 3; i < pixels.length; i += 4) pixels[i] = 255;
          const expected = pixels.map((level, i) => {
            const opacity = pixels[i - (i % 4) + 3];
            return i % 4 === 3 ? level : Math.round((level * opacity) / 255);
          });
          kernels.call('flatten_rgba', pixels, pixels.length / 4);
          expect(pixels).toEqual(expected);
        },
      ),
    );
  });

  it('average blocks, and repeat the last column', () => {
    const cases = fc.record({
      width: fc.integer({ min: 1, max: 40 }),
      columns: fc.integer({ min: 1, max: 9 }),
      rows: fc.integer({ min: 1, max: 9 }),
      channels: fc.constantFrom(1, 3),
      seed: fc.integer(),
    });
    fc.assert(
      fc.property(cases, ({ width, columns, rows, channels, seed }) => {
        const pixels = Uint8Array.from({ length: 4 * width * rows }, (_, i) => Math.imul(i + 1, seed | 1) >>> 16);
        const blocks = Math.ceil(width / columns);
        const first = blocks > 1 ? 1 : 0;
        const count = blocks - first;
        const depth = channels === 1 ? 1 : 4;
        const y = new Float32Array(depth * count);
        kernels.call('shrink_rgba', pixels, new Uint8Array(8 * width), y, width, channels, first, count, columns, rows);
        for (let i = 0; i < count; i++) {
          const mean = [0, 1, 2].map((c) => {
            let sum = 0;
            for (let row = 0; row < rows; row++) {
              for (let x = 0; x < columns; x++) {
                const column = Math.min(width - 1, (first + i) * columns + x);
                sum += pixels[4 * (row * width + column) + c];
              }
            }
            return sum / (rows * columns);
          });
          const grey = 0.299 * mean[0] + 0.587 * mean[1] + 0.114 * mean[2];
          const expected = channels === 1 ? [grey] : [...mean, 0];
          for (const [c, value] of expected.entries()) expect(y[depth * i + c]).toBeCloseTo(value, 3);
        }
      }),
    );
  });

  it('keep the exact level of a grey pixel', () => {
    const pixels = Uint8Array.from({ length: 1024 }, (_, i) => (i % 4 === 3 ? 255 : i >> 2));
    const y = new Float32Array(256);
    kernels.call('shrink_rgba', pixels, new Uint8Array(2048), y, 256, 1, 0, 256, 1, 1);
    expect([...y]).toEqual(Array.from({ length: 256 }, (_, i) => i));
  });

  it('filter columns to whole levels', () => {
    const cases = fc.record({
      count: fc.integer({ min: 1, max: 12 }),
      taps: fc.integer({ min: 1, max: 15 }),
      channels: fc.constantFrom(1, 4),
      seed: fc.integer({ min: 1, max: 1e6 }),
    });
    fc.assert(
      fc.property(cases, ({ count, taps, channels, seed }) => {
        const next = (i: number) => ((Math.imul(i + 1, seed) >>> 8) % 1000) / 1000;
        const length = taps + 5;
        const x = Float32Array.from({ length: length * channels }, (_, i) => 255 * next(i));
        const weights = Float32Array.from({ length: count * taps }, (_, i) => (next(i + 7) - 0.3) / Math.sqrt(taps));
        const first = Int32Array.from({ length: count }, (_, i) => i % 6);
        const y = new Float32Array(count * channels);
        kernels.call('filter_columns', x, weights, memoryOf(first), y, channels, count, taps);
        for (const [at, value] of y.entries()) {
          const [i, c] = [Math.floor(at / channels), at % channels];
          let sum = 0;
          for (let j = 0; j < taps; j++) sum += weights[i * taps + j] * x[(first[i] + j) * channels + c];
          expect(Number.isInteger(value)).toBe(true);
          expect(Math.abs(value - Math.min(255, Math.max(0, sum)))).toBeLessThan(0.501);
        }
      }),
    );
  });

  it.each([1, 4, 5, 30])('add %i weighted values', (count) => {
    const x = Float32Array.from({ length: count }, (_, i) => i - 3);
    const y = Float32Array.from({ length: count }, (_, i) => 2 * i);
    const expected = y.map((value, i) => value + Math.fround(0.25 * x[i]));
    kernels.call('add_weighted_f32', x, 0.25, y, count);
    expect(y).toEqual(expected);
  });
});
