import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { integer, type Random, random } from '../src/base/random.js';
import { referenceKernels as reference } from '../src/export/reference.js';
import { BUILDS, loadKernels } from './harness.js';
import { bitRows, expectEqual, type Floats, floats, wholes } from './test-values.js';

const orNull = (next: Random, values: Floats): Floats | null => (next() < 0.5 ? values : null);

/**
 * Expects every value within two units in the last place of its sum's magnitude (the sum of |terms|). Long sums may be off
 * by more, because rounding errors grow as a random walk does. Results below the smallest normal float may lose their last bits.
 */
function expectNear(got: Floats, want: Floats, magnitude: Floats = want, terms = 1): void {
  for (let i = 0; i < want.length; i++) {
    const tolerance = (Math.max(2, Math.sqrt(terms)) * magnitude[i]) / 2 ** 23 + 2 ** -126;
    if (!(Math.abs(got[i] - want[i]) <= tolerance)) expect.fail(`value ${i}: expected ${want[i]}, found ${got[i]}`);
  }
}

const absolute = (values: Floats): Floats => values.map(Math.abs);
const buffers = (count: number, size: number): Floats[] => Array.from({ length: count }, () => new Float32Array(size));

/** A convolution's geometry. The input is as large as the output needs, or smaller by some of the padding. */
const shapes = fc
  .record({
    seed: fc.integer(),
    kernel: fc.integer({ min: 1, max: 5 }),
    stride: fc.integer({ min: 1, max: 3 }),
    channels: fc.integer({ min: 1, max: 40 }),
    filters: fc.integer({ min: 1, max: 140 }),
    outHeight: fc.integer({ min: 1, max: 6 }),
    outWidth: fc.integer({ min: 1, max: 9 }),
    padTop: fc.nat(4),
    padLeft: fc.nat(4),
    lack: fc.nat(4),
  })
  .map((shape) => {
    const padTop = Math.min(shape.padTop, shape.kernel - 1);
    const padLeft = Math.min(shape.padLeft, shape.kernel - 1);
    const input = (out: number, pad: number) =>
      Math.max(1, (out - 1) * shape.stride + shape.kernel - pad - Math.min(shape.lack, shape.kernel - 1));
    return { ...shape, padTop, padLeft, height: input(shape.outHeight, padTop), width: input(shape.outWidth, padLeft) };
  });

const oneOf = (...values: number[]): fc.Arbitrary<number> => fc.constantFrom(...values);

/**
 * Shapes that no sensible network has, but an imported one may: images of one pixel or one column, strides larger than
 * the kernel, windows that lie entirely in the padding, channels and filters beside every multiple that a kernel works with.
 */
const hostileShapes = fc.record({
  seed: fc.integer(),
  kernel: oneOf(1, 2, 3, 5, 7),
  stride: oneOf(1, 2, 4, 9),
  channels: oneOf(1, 2, 3, 5, 7, 9, 15, 17, 31, 33, 63, 65),
  filters: oneOf(1, 2, 3, 5, 9, 15, 17, 31, 33, 63, 65, 127, 129),
  height: oneOf(1, 2, 3, 9),
  width: oneOf(1, 2, 3, 9),
  outHeight: oneOf(1, 2, 3, 5),
  outWidth: oneOf(1, 2, 3, 5),
  padTop: fc.nat(9),
  padLeft: fc.nat(9),
  lack: fc.constant(0),
});
const anyShapes = fc.oneof({ arbitrary: shapes, weight: 2 }, { arbitrary: hostileShapes, weight: 1 });

const randomEpilogue = (next: Random, filters: number) => {
  const [scale, shift, slope] = [0, 1, 2].map(() => orNull(next, floats(next, filters)));
  return { scale, shift, slope, most: orNull(next, floats(next, 1)) };
};

/** Levels, and the bytes behind them, which may have any content. */
const levels = (next: Random, count: number): Uint8Array =>
  Uint8Array.from({ length: count + 16 }, (_, i) => (i < count ? integer(next, 128) : 255));
const byteWeights = (next: Random, count: number): Int8Array =>
  Int8Array.from({ length: count }, () => integer(next, 255) - 127);
const asBytes = (weights: Int8Array): Uint8Array => new Uint8Array(weights.buffer);

/** Scales and shifts with which sums of levels become levels; or halves, which are rounded to even. */
function levelAffine(next: Random, filters: number, terms: number, halves: boolean): { scale: Floats; shift: Floats } {
  const scale = floats(next, filters).map((value) => (halves ? 0.5 : (0.02 * value) / Math.sqrt(terms)));
  return { scale, shift: wholes(next, filters).map((value) => 8 * value + 60) };
}

/** Windows of levels have at most this many terms (src/network/levels.ts). */
const MOST_TERMS = 1040;

const RUNS = { numRuns: 100, seed: 20201204 };

describe.each(BUILDS)('%s build', (build) => {
  const wasm = loadKernels(build);

  /** What follows the sums of a float convolution, in kernels of its own. */
  function finish(
    x: Floats,
    { most, ...epilogue }: ReturnType<typeof randomEpilogue>,
    channels: number,
    y: Floats,
  ): void {
    wasm.run('affine_prelu_f32', { x, ...epilogue, y, count: y.length, channels });
    if (most) wasm.run('minimum_f32', { x: y.slice(), most, y, count: y.length });
  }

  test('conv2d_f32', () => {
    fc.assert(
      fc.property(anyShapes, fc.boolean(), (shape, exact) => {
        const { seed, kernel, channels, filters, height, width } = shape;
        const next = random(seed);
        const numbers = exact ? wholes : floats;
        const x = numbers(next, height * width * channels);
        const w = numbers(next, kernel * kernel * channels * filters);
        const bias = orNull(next, numbers(next, filters));
        const size = shape.outHeight * shape.outWidth * filters;
        const [got, want, magnitude, finished] = buffers(4, size);
        const plain = { ...shape, scale: null, shift: null, slope: null, most: null };
        wasm.run('conv2d_f32', { ...plain, x, w, bias, y: got });
        reference.conv2d_f32({ ...plain, x, w, bias, y: want });
        if (exact) expectEqual(got, want);
        else {
          const absoluteBias = bias && absolute(bias);
          reference.conv2d_f32({ ...plain, x: absolute(x), w: absolute(w), bias: absoluteBias, y: magnitude });
          expectNear(got, want, magnitude, kernel * kernel * channels + 1);
        }
        // What follows the sums is exact.
        const epilogue = randomEpilogue(next, filters);
        finish(got, epilogue, filters, finished);
        wasm.run('conv2d_f32', { ...shape, x, w, bias, ...epilogue, y: got });
        expectEqual(got, finished);
        const { scale, shift } = epilogue;
        wasm.run('conv2d_f32', { ...plain, x, w, bias, scale, shift, y: got });
        reference.hard_swish_f32({ x: got, y: finished, count: size });
        wasm.run('conv2d_hard_swish_f32', { ...shape, x, w, bias, scale, shift, y: got });
        expectEqual(got, finished);
      }),
      RUNS,
    );
  });

  test('max_pool_f32', () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        const x = floats(random(shape.seed), shape.height * shape.width * shape.channels);
        const [got, want] = buffers(2, shape.outHeight * shape.outWidth * shape.channels);
        wasm.run('max_pool_f32', { ...shape, x, y: got });
        reference.max_pool_f32({ ...shape, x, y: want });
        expectEqual(got, want);
      }),
      RUNS,
    );
  });

  test('depthwise_conv2d_f32', () => {
    fc.assert(
      fc.property(anyShapes, fc.boolean(), (shape, exact) => {
        const { seed, kernel, channels } = shape;
        const next = random(seed);
        const numbers = exact ? wholes : floats;
        const x = numbers(next, shape.height * shape.width * channels);
        const w = numbers(next, kernel * kernel * channels);
        const [got, want, magnitude, finished] = buffers(4, shape.outHeight * shape.outWidth * channels);
        const plain = { ...shape, scale: null, shift: null, slope: null, most: null };
        wasm.run('depthwise_conv2d_f32', { ...plain, x, w, y: got });
        reference.depthwise_conv2d_f32({ ...plain, x, w, y: want });
        if (exact) expectEqual(got, want);
        else {
          reference.depthwise_conv2d_f32({ ...plain, x: absolute(x), w: absolute(w), y: magnitude });
          expectNear(got, want, magnitude, kernel * kernel);
        }
        const epilogue = randomEpilogue(next, channels);
        finish(got, epilogue, channels, finished);
        wasm.run('depthwise_conv2d_f32', { ...shape, x, w, ...epilogue, y: got });
        expectEqual(got, finished);
        const { scale, shift } = epilogue;
        wasm.run('depthwise_conv2d_f32', { ...plain, x, w, scale, shift, y: got });
        reference.hard_swish_f32({ x: got, y: finished, count: got.length });
        wasm.run('depthwise_conv2d_hard_swish_f32', { ...shape, x, w, scale, shift, y: got });
        expectEqual(got, finished);
      }),
      RUNS,
    );
  });

  test('conv2d_levels, to floats and to levels, bit for bit', () => {
    fc.assert(
      fc.property(anyShapes, fc.boolean(), (shape, halves) => {
        const { seed, kernel, stride, channels, filters, outHeight, outWidth } = shape;
        fc.pre(kernel ** 2 * channels <= MOST_TERMS);
        const next = random(seed);
        const [height, width] = [outHeight, outWidth].map((out) => (out - 1) * stride + kernel + (shape.lack % 3));
        const x = levels(next, height * width * channels);
        const weights = byteWeights(next, kernel * kernel * channels * filters);
        const w = wasm.prepare('conv2d_levels', asBytes(weights), kernel, channels, filters);
        const affine = levelAffine(next, filters, kernel * kernel * channels, halves);
        const layer = { ...shape, ...affine, height, width, x };
        const [got, want] = buffers(2, outHeight * outWidth * filters);
        wasm.run('conv2d_levels', { ...layer, w, y: got, floats: 1 });
        reference.conv2d_levels({ ...layer, w: weights, y: want, floats: 1 });
        expectEqual(got, want);
        const [bytes, wantBytes] = [new Uint8Array(got.length), new Uint8Array(got.length)];
        wasm.run('conv2d_levels', { ...layer, w, y: bytes, floats: 0 });
        reference.conv2d_levels({ ...layer, w: weights, y: wantBytes, floats: 0 });
        expectEqual(bytes, wantBytes);
      }),
      RUNS,
    );
  });

  test('depthwise_conv2d_levels, bit for bit', () => {
    fc.assert(
      fc.property(anyShapes, fc.boolean(), (shape, halves) => {
        const { seed, kernel, channels, height, width } = shape;
        const next = random(seed);
        const x = levels(next, height * width * channels);
        const most = Math.min(127, Math.floor(258 / kernel ** 2));
        const weights = byteWeights(next, kernel * kernel * channels).map((weight) => weight % (most + 1));
        const w = wasm.prepare('depthwise_conv2d_levels', asBytes(weights), kernel, channels);
        const layer = { ...shape, ...levelAffine(next, channels, kernel * kernel, halves), x };
        const got = new Uint8Array(shape.outHeight * shape.outWidth * channels);
        const want = got.slice();
        wasm.run('depthwise_conv2d_levels', { ...layer, w, y: got });
        reference.depthwise_conv2d_levels({ ...layer, w: weights, y: want });
        expectEqual(got, want);
      }),
      RUNS,
    );
  });

  test('quantise, add_levels and pad_levels, bit for bit', () => {
    fc.assert(
      fc.property(anyShapes, fc.boolean(), fc.integer({ min: 0, max: 127 }), (shape, halves, fill) => {
        const { seed, channels, height, width, padTop, padLeft } = shape;
        const next = random(seed);
        const count = height * width * channels;
        const scalar = (value: number) => Float32Array.of(value);
        const [bytes, wantBytes] = [new Uint8Array(count), new Uint8Array(count)];
        const quantised = { x: floats(next, count), scale: scalar(halves ? 0.5 : 20), shift: scalar(fill), count };
        wasm.run('quantise', { ...quantised, y: bytes });
        reference.quantise({ ...quantised, y: wantBytes });
        expectEqual(bytes, wantBytes);

        const weights = halves ? Float32Array.of(0.5, 0.5, 0) : Float32Array.of(0.7, -0.3, 20);
        const sum = { a: levels(next, count), b: levels(next, count), weights, count };
        wasm.run('add_levels', { ...sum, y: bytes, floats: 0 });
        reference.add_levels({ ...sum, y: wantBytes, floats: 0 });
        expectEqual(bytes, wantBytes);
        const [got, want] = buffers(2, count);
        wasm.run('add_levels', { ...sum, y: got, floats: 1 });
        reference.add_levels({ ...sum, y: want, floats: 1 });
        expectEqual(got, want);

        const [outHeight, outWidth] = [height + padTop + shape.lack, width + padLeft + shape.lack];
        const padded = new Uint8Array(outHeight * outWidth * channels);
        const wantPadded = padded.slice();
        const image = { x: sum.a, fill, height, width, channels, padTop, padLeft, outHeight, outWidth };
        wasm.run('pad_levels', { ...image, y: padded });
        reference.pad_levels({ ...image, y: wantPadded });
        expectEqual(padded, wantPadded);
      }),
      RUNS,
    );
  });

  test('average_pool_f32', () => {
    fc.assert(
      fc.property(shapes, fc.integer({ min: 1, max: 4 }), (shape, columns) => {
        const { seed, kernel: rows, channels, lack, outHeight, outWidth } = shape;
        const width = outWidth * columns + lack;
        const x = floats(random(seed), outHeight * rows * width * channels);
        const [got, want, magnitude] = buffers(3, outHeight * outWidth * channels);
        const windows = { width, channels, rows, columns, outHeight, outWidth };
        wasm.run('average_pool_f32', { x, y: got, ...windows });
        reference.average_pool_f32({ x, y: want, ...windows });
        reference.average_pool_f32({ x: absolute(x), y: magnitude, ...windows });
        expectNear(got, want, magnitude, rows * columns);
      }),
      RUNS,
    );
  });

  test('repeat_channels_f32, add_f32, minimum_f32 and hard_swish_f32', () => {
    fc.assert(
      fc.property(fc.integer(), fc.nat(40), fc.nat(7), fc.nat(4), (seed, channels, pixels, times) => {
        const next = random(seed);
        const count = pixels * channels;
        const x = floats(next, count);
        const [got, want] = buffers(2, count * times);
        wasm.run('repeat_channels_f32', { x, y: got, pixels, channels, times });
        reference.repeat_channels_f32({ x, y: want, pixels, channels, times });
        expectEqual(got, want);

        const b = floats(next, count);
        const most = floats(next, 1);
        const [sum, wantSum, least, wantLeast] = buffers(4, count);
        wasm.run('add_f32', { a: x, b, y: sum, count });
        reference.add_f32({ a: x, b, y: wantSum, count });
        expectEqual(sum, wantSum);
        wasm.run('minimum_f32', { x, most, y: least, count });
        reference.minimum_f32({ x, most, y: wantLeast, count });
        expectEqual(least, wantLeast);
        const wide = x.map((value) => 3 * value);
        wasm.run('hard_swish_f32', { x: wide, y: sum, count });
        reference.hard_swish_f32({ x: wide, y: wantSum, count });
        expectEqual(sum, wantSum);
      }),
      RUNS,
    );
  });

  test('sign_pack and affine_prelu_f32', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 7 }),
        fc.boolean(),
        (seed, channels, pixels, exact) => {
          const next = random(seed);
          const row = channels * pixels;
          const count = 3 * row;
          const x = (exact ? wholes : floats)(next, count);
          const [scale, shift, slope] = [0, 1, 2].map(() => orNull(next, floats(next, channels)));
          const [y, wantY] = buffers(2, count);
          wasm.run('affine_prelu_f32', { x, scale, shift, slope, y, count, channels });
          reference.affine_prelu_f32({ x, scale, shift, slope, y: wantY, count, channels });
          expectEqual(y, wantY);

          const bits = new Uint8Array(3 * Math.ceil(row / 8)).fill(0xee);
          const wantBits = bits.slice();
          wasm.run('sign_pack', { x, scale, shift, bits, count, channels, row });
          reference.sign_pack({ x, scale, shift, bits: wantBits, count, channels, row });
          expectEqual(bits, wantBits);
        },
      ),
      RUNS,
    );
  });

  test('sign_pack: 0 and -0 are +1, NaN is -1, a byte fills from its lowest bit', () => {
    const x = Float32Array.of(0, -0, Number.NaN, -1, 1, 1e-45, -1e-45, Number.POSITIVE_INFINITY, Number.NaN, 3);
    const bits = new Uint8Array(2);
    wasm.run('sign_pack', { x, scale: null, shift: null, bits, count: 10, channels: 10, row: 10 });
    expect([...bits]).toEqual([0b10110011, 0b10]);
  });

  test('input_scale_f32', () => {
    fc.assert(
      fc.property(anyShapes, (shape) => {
        const { seed, kernel, channels } = shape;
        const next = random(seed);
        const x = floats(next, shape.height * shape.width * channels);
        const [scale, shift] = [0, 1].map(() => orNull(next, floats(next, channels)));
        const [got, want] = buffers(2, shape.outHeight * shape.outWidth);
        wasm.run('input_scale_f32', { ...shape, x, scale, shift, k: got });
        reference.input_scale_f32({ ...shape, x, scale, shift, k: want });
        expectNear(got, want, want, kernel * kernel * channels);
      }),
      RUNS,
    );
  });

  test('binary_conv2d, bit for bit', () => {
    fc.assert(
      fc.property(anyShapes, (shape) => {
        const { seed, kernel, stride, channels, filters, outHeight, outWidth } = shape;
        const next = random(seed);
        const taps = kernel * kernel;
        const x = bitRows(next, shape.height * shape.width, channels);
        const weights = bitRows(next, filters * taps, channels);
        const k = orNull(next, floats(next, outHeight * outWidth));
        const [scale, shift, slope] = [0, 1, 2].map(() => orNull(next, floats(next, filters)));
        const shortcut = orNull(next, floats(next, outHeight * outWidth * filters));
        const prepared = wasm.prepare('binary_conv2d', weights, filters, taps, channels);
        const [got, want] = buffers(2, outHeight * outWidth * filters);
        const columns = Math.floor((outWidth - 1) / 2) * 2 * stride + kernel;
        const touched = ((outHeight - 1) * stride + kernel) * columns;
        const scratch = new Uint8Array(Math.ceil(channels / 8) + Math.ceil(channels / 4) * touched).fill(0xee);
        const layer = { ...shape, x, k, scale, shift, slope, shortcut };
        wasm.run('binary_conv2d', { ...layer, w: prepared, y: got, scratch });
        reference.binary_conv2d({ ...layer, w: weights, y: want });
        expectEqual(got, want);
      }),
      RUNS,
    );
  });

  test('binary_dense, bit for bit, also for an input longer than a block', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.oneof(fc.integer({ min: 1, max: 10_000 }), oneOf(1, 7, 63, 65)),
        fc.oneof(fc.integer({ min: 1, max: 150 }), oneOf(1, 1000)),
        (seed, inputs, units) => {
          const next = random(seed);
          const x = bitRows(next, 1, inputs);
          const weights = bitRows(next, units, inputs);
          const prepared = wasm.prepare('binary_dense', weights, units, inputs);
          const k = orNull(next, floats(next, 1));
          const [scale, shift, slope] = [0, 1, 2].map(() => orNull(next, floats(next, units)));
          const [got, want] = buffers(2, units);
          const layer = { x, k, scale, shift, slope, inputs, units };
          wasm.run('binary_dense', { ...layer, w: prepared, y: got });
          reference.binary_dense({ ...layer, w: weights, y: want });
          expectEqual(got, want);
        },
      ),
      { ...RUNS, numRuns: 30 },
    );
  });

  test('binary_dense counts rows that differ in every bit', () => {
    const [inputs, units] = [10_000, 20];
    const w = wasm.prepare('binary_dense', new Uint8Array(20 * 1250).fill(0xff), units, inputs);
    const y = new Float32Array(20);
    const plain = { k: null, scale: null, shift: null, slope: null };
    wasm.run('binary_dense', { x: new Uint8Array(1250), w, ...plain, y, inputs, units });
    expectEqual(y, new Float32Array(20).fill(-10_000));
  });

  test('dense_f32', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.oneof(fc.integer({ min: 1, max: 600 }), fc.constant(1)),
        fc.oneof(fc.integer({ min: 1, max: 30 }), oneOf(1, 1000)),
        fc.boolean(),
        (seed, inputs, units, exact) => {
          const next = random(seed);
          const numbers = exact ? wholes : floats;
          const [x, w, bias] = [inputs, inputs * units, units].map((count) => numbers(next, count));
          const [got, want, magnitude] = buffers(3, units);
          wasm.run('dense_f32', { x, w, bias, y: got, inputs, units });
          reference.dense_f32({ x, w, bias, y: want, inputs, units });
          if (exact) expectEqual(got, want);
          else {
            const sizes = { x: absolute(x), w: absolute(w), bias: absolute(bias) };
            reference.dense_f32({ ...sizes, y: magnitude, inputs, units });
            expectNear(got, want, magnitude, inputs + 1);
          }
        },
      ),
      RUNS,
    );
  });

  test('softmax_entropy is right to two units in the last place, however saturated the logits are', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.oneof(fc.integer({ min: 1, max: 200 }), oneOf(1, 1000)),
        fc.integer({ min: -4, max: 38 }),
        (seed, classes, exponent) => {
          const logits = floats(random(seed), classes).map((logit) =>
            Math.max(-3e38, Math.min(3e38, logit * 10 ** exponent)),
          );
          const probabilities = new Float32Array(classes);
          const entropy = wasm.call('softmax_entropy', logits, probabilities, classes);
          const want = softmaxEntropy(logits);
          expectNear(probabilities, want.probabilities);
          expectNear(Float32Array.of(entropy), Float32Array.of(want.entropy));
          expect(entropy).toBeGreaterThanOrEqual(0);
          expect(entropy).toBeLessThanOrEqual(1);
        },
      ),
      { ...RUNS, numRuns: 300 },
    );
  });

  test('softmax_entropy of equal logits is 1, of one class 0', () => {
    const probabilities = new Float32Array(10);
    expect(wasm.call('softmax_entropy', new Float32Array(10).fill(-7), probabilities, 10)).toBe(1);
    expectEqual(probabilities, new Float32Array(10).fill(0.1));
    expect(wasm.call('softmax_entropy', Float32Array.of(4), probabilities, 1)).toBe(0);
  });
});

/** Softmax and Eq. 7 in double precision, without the cancellation of 1 - p near one-hot. */
function softmaxEntropy(logits: Floats): { probabilities: Floats; entropy: number } {
  const top = logits.indexOf(Math.max(...logits));
  const distances = Array.from(logits, (logit) => logits[top] - logit);
  const rest = distances.reduce((sum, d, i) => (i === top ? sum : sum + Math.exp(-d)), 0);
  const weighted = distances.reduce((sum, d) => (d < 745 ? sum + d * Math.exp(-d) : sum), 0);
  return {
    probabilities: Float32Array.from(distances, (d) => Math.exp(-d) / (1 + rest)),
    entropy: logits.length < 2 ? 0 : (Math.log1p(rest) + weighted / (1 + rest)) / Math.log(logits.length),
  };
}
