import { describe, expect, test } from 'vitest';
import { BUILDS, readKernels } from '../../kernels/harness.js';
import { bitRows, expectEqual, floats, wholes } from '../../kernels/test-values.js';
import { random } from '../base/random.js';
import type { DeviceProgram } from './program.js';
import { runReference } from './run-reference.js';
import { instantiate } from './run-wasm.js';

const next = random(7);
const f32 = (count: number) => ({ kind: 'f32', values: floats(next, count) }) as const;
const whole = (count: number) => ({ kind: 'f32', values: wholes(next, count) }) as const;
const bits = (kernel: 'binary_conv2d' | 'binary_dense', ...shape: number[]) =>
  ({
    kind: 'bits',
    kernel,
    shape,
    bytes: bitRows(
      next,
      shape.slice(0, -1).reduce((rows, size) => rows * size),
      shape.at(-1)!,
    ),
  }) as const;
const at = (arena: number) => ({ arena });
const constant = (name: string) => ({ constant: name });

/** A small LeNet branch: 12x12x1, 20 filters 5x5, pool, sign, 50 binary filters 3x3 (padded), pool, sign, 30 binary units, 10. */
const program: DeviceProgram = {
  arenaBytes: 8192 + 5120 + 64 + 3264 + 832 + 32 + 128 + 48 + 160,
  constants: {
    conv1: whole(25 * 20),
    bias1: whole(20),
    shift1: whole(20),
    conv2: bits('binary_conv2d', 50, 9, 20),
    scale2: f32(50),
    slope2: f32(50),
    fc1: bits('binary_dense', 30, 200),
    shift3: f32(30),
    fc2: f32(300),
    bias4: f32(10),
  },
  input: { arena: 0, length: 144 },
  shared: { arena: 8192, length: 1280, shape: [8, 8, 20] },
  logits: { arena: 17536, length: 10 },
  calls: [
    {
      kernel: 'conv2d_f32',
      args: [
        at(0),
        constant('conv1'),
        constant('bias1'),
        null,
        null,
        null,
        null,
        at(8192),
        12,
        12,
        1,
        20,
        5,
        1,
        0,
        0,
        8,
        8,
      ],
    },
    { kernel: 'max_pool_f32', args: [at(8192), at(0), 8, 8, 20, 2, 2, 0, 0, 4, 4] },
    { kernel: 'sign_pack', args: [at(0), null, constant('shift1'), at(13312), 320, 20, 20] },
    {
      kernel: 'binary_conv2d',
      args: [
        at(13312),
        constant('conv2'),
        null,
        constant('scale2'),
        null,
        constant('slope2'),
        null,
        at(13376),
        at(17584),
        4,
        4,
        20,
        50,
        3,
        1,
        1,
        1,
        4,
        4,
      ],
    },
    { kernel: 'max_pool_f32', args: [at(13376), at(16640), 4, 4, 50, 2, 2, 0, 0, 2, 2] },
    { kernel: 'sign_pack', args: [at(16640), null, null, at(17472), 200, 50, 200] },
    {
      kernel: 'binary_dense',
      args: [at(17472), constant('fc1'), null, null, constant('shift3'), null, at(0), 200, 30],
    },
    { kernel: 'dense_f32', args: [at(0), constant('fc2'), constant('bias4'), at(17536), 30, 10] },
  ],
};

describe.each(BUILDS)('%s build', (build) => {
  const wasm = readKernels(build);

  test('runs a whole program as the reference does, again and again', () => {
    const branch = instantiate(program, wasm);
    for (let image = 0; image < 20; image++) {
      const input = wholes(next, 144); // so that no value before a sign is a matter of rounding
      const want = runReference(program, input);
      const got = branch.run(input);
      expectEqual(got.shared, want.shared);
      for (const [i, logit] of want.logits.entries()) expect(got.logits[i]).toBeCloseTo(logit, 3);
      expect(got.logits.some((logit) => logit !== 0)).toBe(true);
      expect(got.probabilities.reduce((sum, p) => sum + p)).toBeCloseTo(1, 5);
      expect(got.probabilities.indexOf(Math.max(...got.probabilities))).toBe(
        got.logits.indexOf(Math.max(...got.logits)),
      );
      expect(got.entropy).toBeGreaterThanOrEqual(0);
      expect(got.entropy).toBeLessThanOrEqual(1);
    }
  });

  test('names a constant that is missing, and a kernel that the build lacks', () => {
    const { bias4: _, ...constants } = program.constants;
    expect(() => instantiate({ ...program, constants }, wasm)).toThrow('no constant named bias4');
    const calls = [{ kernel: 'no_such_kernel' as 'dense_f32', args: [] }];
    expect(() => instantiate({ ...program, calls }, wasm)).toThrow('no kernel named lcdnn_no_such_kernel');
  });
});

test('the reference refuses a constant of the wrong kind', () => {
  const calls = [
    { kernel: 'dense_f32', args: [at(0), constant('fc1'), constant('bias4'), at(17536), 30, 10] },
  ] as const;
  expect(() => runReference({ ...program, calls }, new Float32Array(144))).toThrow('constant fc1 is bits');
});
