import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BUILDS, loadKernels } from './harness.js';

/** Integers as the memory that a kernel takes. */
const memoryOf = (values: Int32Array | Int16Array): Uint8Array => new Uint8Array(values.buffer);

/** Values have 7 bits behind the point, weights 14, products 6. */
const product = (value: number, weight: number): number => (value * weight + 2 ** 14) >> 15;
const toLevel = (sum: number): number => Math.min(255, Math.max(0, (sum + 32) >> 6));
/** Levels with fractions. */
const valuesOf = (count: number, next: (i: number) => number): Int16Array =>
  Int16Array.from({ length: count }, (_, i) => Math.round(128 * 255 * next(i)));
/** Weights that add up to about one; some are negative. */
const weightsOf = (count: number, taps: number, next: (i: number) => number): Int16Array =>
  Int16Array.from({ length: count * taps }, (_, i) => Math.round((2 ** 15 * (next(i + 7) - 0.25)) / taps));

describe.each(BUILDS)('the resizing kernels (%s)', (build) => {
  const kernels = loadKernels(build);

  it('lay pixels on black, average blocks, and repeat the last column', () => {
    const cases = fc.record({
      width: fc.integer({ min: 1, max: 40 }),
      columns: fc.integer({ min: 1, max: 9 }),
      rows: fc.integer({ min: 1, max: 9 }),
      channels: fc.constantFrom(1, 3),
      isOpaque: fc.boolean(),
      seed: fc.integer(),
    });
    fc.assert(
      fc.property(cases, ({ width, columns, rows, channels, isOpaque, seed }) => {
        const pixels = Uint8Array.from({ length: 4 * width * rows }, (_, i) =>
          isOpaque && i % 4 === 3 ? 255 : Math.imul(i + 1, seed | 1) >>> 16,
        );
        const given = pixels.slice();
        const count = Math.ceil(width / columns);
        const depth = channels === 1 ? 1 : 4;
        const y = new Int16Array(depth * count);
        const memory = memoryOf(y);
        kernels.call('shrink_rgba', pixels, new Uint8Array(8 * width), memory, width, channels, count, columns, rows);
        const onBlack = (at: number): number => Math.round((given[at] * given[at - (at % 4) + 3]) / 255);
        for (let i = 0; i < count; i++) {
          const mean = [0, 1, 2].map((c) => {
            let sum = 0;
            for (let row = 0; row < rows; row++) {
              for (let x = 0; x < columns; x++) {
                const column = Math.min(width - 1, i * columns + x);
                sum += onBlack(4 * (row * width + column) + c);
              }
            }
            return sum / (rows * columns);
          });
          const grey = 0.299 * mean[0] + 0.587 * mean[1] + 0.114 * mean[2];
          const expected = channels === 1 ? [grey] : mean;
          for (const [c, value] of expected.entries()) {
            expect(Math.abs(y[depth * i + c] - 128 * value)).toBeLessThan(0.501);
          }
        }
      }),
    );
  });

  it('keep the exact level of a grey pixel', () => {
    const pixels = Uint8Array.from({ length: 1024 }, (_, i) => (i % 4 === 3 ? 255 : i >> 2));
    const y = new Int16Array(256);
    kernels.call('shrink_rgba', pixels, new Uint8Array(2048), memoryOf(y), 256, 1, 256, 1, 1);
    expect([...y]).toEqual(Array.from({ length: 256 }, (_, i) => 128 * i));
  });

  it('filter rows of a ring to whole levels', () => {
    const cases = fc.record({
      count: fc.constantFrom(32, 64, 96),
      taps: fc.integer({ min: 1, max: 15 }),
      start: fc.nat(14),
      seed: fc.integer({ min: 1, max: 1e6 }),
    });
    fc.assert(
      fc.property(cases, ({ count, taps, start, seed }) => {
        const next = (i: number) => ((Math.imul(i + 1, seed) >>> 8) % 1000) / 1000;
        const ring = valuesOf(taps * count, next);
        const weights = weightsOf(1, taps, next);
        const y = new Int16Array(count);
        const first = start % taps;
        kernels.call('filter_rows', memoryOf(ring), memoryOf(weights), memoryOf(y), count, taps, first);
        const expected = Array.from(y, (_, i) => {
          let sum = 0;
          for (let j = 0; j < taps; j++) sum += product(ring[((first + j) % taps) * count + i], weights[j]);
          return 128 * toLevel(sum);
        });
        expect([...y]).toEqual(expected);
      }),
    );
  });

  it('filter columns to whole levels', () => {
    const cases = fc.record({
      count: fc.integer({ min: 1, max: 12 }),
      taps: fc.integer({ min: 1, max: 27 }),
      channels: fc.constantFrom(1, 3),
      seed: fc.integer({ min: 1, max: 1e6 }),
    });
    fc.assert(
      fc.property(cases, ({ count, taps, channels, seed }) => {
        const next = (i: number) => ((Math.imul(i + 1, seed) >>> 8) % 1000) / 1000;
        const depth = channels === 1 ? 1 : 4;
        const x = valuesOf((taps + 5) * depth, next);
        const weights = weightsOf(count, taps, next);
        const first = Int32Array.from({ length: count }, (_, i) => i % 6);
        const y = new Uint8Array(count * channels);
        kernels.call('filter_columns', memoryOf(x), memoryOf(weights), memoryOf(first), y, channels, count, taps);
        const expected = Array.from(y, (_, at) => {
          const [i, c] = [Math.floor(at / channels), at % channels];
          let sum = 0;
          for (let j = 0; j < taps; j++) sum += product(x[(first[i] + j) * depth + c], weights[i * taps + j]);
          return toLevel(sum);
        });
        expect([...y]).toEqual(expected);
      }),
    );
  });
});
