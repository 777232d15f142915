import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Random, random } from '../src/base/random.js';
import { referenceKernels as reference } from '../src/export/reference.js';
import { BUILDS, loadKernels } from './harness.js';
import { bitRows, expectEqual, type Floats, floats, wholes } from './test-values.js';

const orNull = (next: Random, values: Floats): Floats | null => (next() < 0.5 ? values : null);

/**
 * Every value within two units in the last place of its sum's magnitude (the sum of |terms|), or more where the sum is
 * long: rounding errors grow as a random walk does. Results below the smallest normal float may lose their last bits.
 */
function expectNear(got: Floats, want: Floats, magnitude: Floats = want, terms = 1): void {
  for (let i = 0; i < want.length; i++) {
    const tolerance = (Math.max(2, Math.sqrt(terms)) * magnitude[i]) / 2 ** 23 + 2 ** -126;
    if (!(Math.abs(got[i] - want[i]) <= tolerance)) expect.fail(`value ${i}: expected ${want[i]}, found ${got[i]}`);
  }
}

const absolute = (values: Floats): Floats => values.map(Math.abs);

/** A convolution's geometry; the input is just as large as the output needs, or lacks what the padding gives. */
const shapes = fc
  .record({
    seed: fc.integer(),
    kernel: fc.integer({ min: 1, max: 5 }),
    stride: fc.integer({ min: 1, max: 3 }),
    c: fc.integer({ min: 1, max: 40 }),
    filters: fc.integer({ min: 1, max: 140 }),
    oh: fc.integer({ min: 1, max: 6 }),
    ow: fc.integer({ min: 1, max: 9 }),
    padTop: fc.nat(4),
    padLeft: fc.nat(4),
    lack: fc.nat(4),
  })
  .map((shape) => {
    const padTop = Math.min(shape.padTop, shape.kernel - 1);
    const padLeft = Math.min(shape.padLeft, shape.kernel - 1);
    const input = (out: number, pad: number) =>
      Math.max(1, (out - 1) * shape.stride + shape.kernel - pad - Math.min(shape.lack, shape.kernel - 1));
    return { ...shape, padTop, padLeft, h: input(shape.oh, padTop), w: input(shape.ow, padLeft) };
  });

const RUNS = { numRuns: 80, seed: 20201204 };

describe.each(BUILDS)('%s build', (build) => {
  const wasm = loadKernels(build);

  test('conv2d_f32', () => {
    fc.assert(
      fc.property(
        shapes,
        fc.boolean(),
        ({ seed, kernel, stride, c, filters, oh, ow, padTop, padLeft, h, w }, exact) => {
          const next = random(seed);
          const numbers = exact ? wholes : floats;
          const x = numbers(next, h * w * c);
          const weights = numbers(next, kernel * kernel * c * filters);
          const bias = orNull(next, numbers(next, filters));
          const got = new Float32Array(oh * ow * filters);
          const want = new Float32Array(oh * ow * filters);
          const rest = [h, w, c, filters, kernel, stride, padTop, padLeft, oh, ow] as const;
          wasm.call('conv2d_f32', x, weights, bias, null, null, null, got, ...rest);
          reference.conv2d_f32(x, weights, bias, null, null, null, want, ...rest);
          if (exact) expectEqual(got, want);
          else {
            const magnitude = new Float32Array(want.length);
            const absoluteBias = bias && absolute(bias);
            reference.conv2d_f32(absolute(x), absolute(weights), absoluteBias, null, null, null, magnitude, ...rest);
            expectNear(got, want, magnitude, kernel * kernel * c + 1);
          }
          // What follows the sums is exact.
          const [scale, shift, slope] = [0, 1, 2].map(() => orNull(next, floats(next, filters)));
          const finished = new Float32Array(want.length);
          wasm.call('affine_prelu_f32', got, scale, shift, slope, finished, got.length, filters);
          wasm.call('conv2d_f32', x, weights, bias, scale, shift, slope, got, ...rest);
          expectEqual(got, finished);
        },
      ),
      RUNS,
    );
  });

  test('max_pool_f32', () => {
    fc.assert(
      fc.property(shapes, ({ seed, kernel, stride, c, padTop, padLeft, h, w, oh, ow }) => {
        const x = floats(random(seed), h * w * c);
        const got = new Float32Array(oh * ow * c);
        const want = new Float32Array(oh * ow * c);
        const rest = [h, w, c, kernel, stride, padTop, padLeft, oh, ow] as const;
        wasm.call('max_pool_f32', x, got, ...rest);
        reference.max_pool_f32(x, want, ...rest);
        expectEqual(got, want);
      }),
      RUNS,
    );
  });

  test('depthwise_conv2d_f32', () => {
    fc.assert(
      fc.property(shapes, fc.boolean(), ({ seed, kernel, stride, c, padTop, padLeft, h, w, oh, ow }, exact) => {
        const next = random(seed);
        const numbers = exact ? wholes : floats;
        const x = numbers(next, h * w * c);
        const weights = numbers(next, kernel * kernel * c);
        const got = new Float32Array(oh * ow * c);
        const want = new Float32Array(oh * ow * c);
        const rest = [h, w, c, kernel, stride, padTop, padLeft, oh, ow] as const;
        wasm.call('depthwise_conv2d_f32', x, weights, got, ...rest);
        reference.depthwise_conv2d_f32(x, weights, want, ...rest);
        if (exact) expectEqual(got, want);
        else {
          const magnitude = new Float32Array(want.length);
          reference.depthwise_conv2d_f32(absolute(x), absolute(weights), magnitude, ...rest);
          expectNear(got, want, magnitude, kernel * kernel);
        }
      }),
      RUNS,
    );
  });

  test('average_pool_f32', () => {
    fc.assert(
      fc.property(shapes, fc.integer({ min: 1, max: 4 }), ({ seed, kernel: rows, c, lack, oh, ow }, columns) => {
        const w = ow * columns + lack;
        const x = floats(random(seed), oh * rows * w * c);
        const got = new Float32Array(oh * ow * c);
        const want = new Float32Array(oh * ow * c);
        const magnitude = new Float32Array(oh * ow * c);
        const rest = [w, c, rows, columns, oh, ow] as const;
        wasm.call('average_pool_f32', x, got, ...rest);
        reference.average_pool_f32(x, want, ...rest);
        reference.average_pool_f32(absolute(x), magnitude, ...rest);
        expectNear(got, want, magnitude, rows * columns);
      }),
      RUNS,
    );
  });

  test('repeat_channels_f32, add_f32 and minimum_f32', () => {
    fc.assert(
      fc.property(fc.integer(), fc.nat(40), fc.nat(7), fc.nat(4), (seed, c, places, times) => {
        const next = random(seed);
        const x = floats(next, places * c);
        const got = new Float32Array(places * c * times);
        const want = got.slice();
        wasm.call('repeat_channels_f32', x, got, places, c, times);
        reference.repeat_channels_f32(x, want, places, c, times);
        expectEqual(got, want);

        const other = floats(next, places * c);
        const most = floats(next, 1);
        for (const [kernel, second] of [
          ['add_f32', other],
          ['minimum_f32', most],
        ] as const) {
          const y = new Float32Array(places * c);
          const wantY = y.slice();
          wasm.call(kernel, x, second, y, places * c);
          reference[kernel](x, second, wantY, places * c);
          expectEqual(y, wantY);
        }
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
          const y = new Float32Array(count);
          const wantY = new Float32Array(count);
          wasm.call('affine_prelu_f32', x, scale, shift, slope, y, count, channels);
          reference.affine_prelu_f32(x, scale, shift, slope, wantY, count, channels);
          expectEqual(y, wantY);

          const bits = new Uint8Array(3 * Math.ceil(row / 8)).fill(0xee);
          const wantBits = bits.slice();
          wasm.call('sign_pack', x, scale, shift, bits, count, channels, row);
          reference.sign_pack(x, scale, shift, wantBits, count, channels, row);
          expectEqual(bits, wantBits);
        },
      ),
      RUNS,
    );
  });

  test('sign_pack: 0 and -0 are +1, NaN is -1, a byte fills from its lowest bit', () => {
    const x = Float32Array.of(0, -0, Number.NaN, -1, 1, 1e-45, -1e-45, Number.POSITIVE_INFINITY, Number.NaN, 3);
    const bits = new Uint8Array(2);
    wasm.call('sign_pack', x, null, null, bits, 10, 10, 10);
    expect([...bits]).toEqual([0b10110011, 0b10]);
  });

  test('input_scale_f32', () => {
    fc.assert(
      fc.property(shapes, ({ seed, kernel, stride, c, oh, ow, padTop, padLeft, h, w }) => {
        const next = random(seed);
        const x = floats(next, h * w * c);
        const [scale, shift] = [0, 1].map(() => orNull(next, floats(next, c)));
        const got = new Float32Array(oh * ow);
        const want = new Float32Array(oh * ow);
        const rest = [h, w, c, kernel, stride, padTop, padLeft, oh, ow] as const;
        wasm.call('input_scale_f32', x, scale, shift, got, ...rest);
        reference.input_scale_f32(x, scale, shift, want, ...rest);
        expectNear(got, want, want, kernel * kernel * c);
      }),
      RUNS,
    );
  });

  test('binary_conv2d, bit for bit', () => {
    fc.assert(
      fc.property(shapes, ({ seed, kernel, stride, c, filters, oh, ow, padTop, padLeft, h, w }) => {
        const next = random(seed);
        const x = bitRows(next, h * w, c);
        const weights = bitRows(next, filters * kernel * kernel, c);
        const k = orNull(next, floats(next, oh * ow));
        const [scale, shift, slope] = [0, 1, 2].map(() => orNull(next, floats(next, filters)));
        const shortcut = orNull(next, floats(next, oh * ow * filters));
        const prepared = wasm.prepare('binary_conv2d', weights, filters, kernel * kernel, c);
        const got = new Float32Array(oh * ow * filters);
        const want = new Float32Array(oh * ow * filters);
        const rest = [h, w, c, filters, kernel, stride, padTop, padLeft, oh, ow] as const;
        const columns = Math.floor((ow - 1) / 2) * 2 * stride + kernel;
        const touched = ((oh - 1) * stride + kernel) * columns;
        const scratch = new Uint8Array(Math.ceil(c / 8) + Math.ceil(c / 4) * touched).fill(0xee);
        wasm.call('binary_conv2d', x, prepared, k, scale, shift, slope, shortcut, got, scratch, ...rest);
        reference.binary_conv2d(x, weights, k, scale, shift, slope, shortcut, want, scratch, ...rest);
        expectEqual(got, want);
      }),
      RUNS,
    );
  });

  test('binary_dense, bit for bit, also where the input is longer than a block', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer({ min: 1, max: 10_000 }),
        fc.integer({ min: 1, max: 150 }),
        (seed, inputs, units) => {
          const next = random(seed);
          const x = bitRows(next, 1, inputs);
          const weights = bitRows(next, units, inputs);
          const prepared = wasm.prepare('binary_dense', weights, units, inputs);
          const k = orNull(next, floats(next, 1));
          const [scale, shift, slope] = [0, 1, 2].map(() => orNull(next, floats(next, units)));
          const got = new Float32Array(units);
          const want = new Float32Array(units);
          wasm.call('binary_dense', x, prepared, k, scale, shift, slope, got, inputs, units);
          reference.binary_dense(x, weights, k, scale, shift, slope, want, inputs, units);
          expectEqual(got, want);
        },
      ),
      { ...RUNS, numRuns: 20 },
    );
  });

  test('binary_dense counts rows that differ in every bit', () => {
    const weights = wasm.prepare('binary_dense', new Uint8Array(20 * 1250).fill(0xff), 20, 10_000);
    const y = new Float32Array(20);
    wasm.call('binary_dense', new Uint8Array(1250), weights, null, null, null, null, y, 10_000, 20);
    expectEqual(y, new Float32Array(20).fill(-10_000));
  });

  test('dense_f32', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer({ min: 1, max: 600 }),
        fc.integer({ min: 1, max: 30 }),
        fc.boolean(),
        (seed, inputs, units, exact) => {
          const next = random(seed);
          const numbers = exact ? wholes : floats;
          const [x, w, bias] = [inputs, inputs * units, units].map((count) => numbers(next, count));
          const got = new Float32Array(units);
          const want = new Float32Array(units);
          wasm.call('dense_f32', x, w, bias, got, inputs, units);
          reference.dense_f32(x, w, bias, want, inputs, units);
          if (exact) expectEqual(got, want);
          else {
            const magnitude = new Float32Array(units);
            reference.dense_f32(absolute(x), absolute(w), absolute(bias), magnitude, inputs, units);
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
        fc.integer({ min: 1, max: 200 }),
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
