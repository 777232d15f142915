import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers'; // registers tfjs's gradients
import * as tf from '@tensorflow/tfjs-core';
import * as ort from 'onnxruntime-node';
import { beforeEach, describe, expect, it } from 'vitest';
import { floats, wholes } from '../../kernels/test-values.js';
import { integer, type Random, random } from '../base/random.js';
import type { Target } from './graph.js';
import { type TensorFunction, trace } from './trace.js';

/** A function of inputs `a`, `b`, ... and values for them. */
interface Case {
  readonly fn: (...inputs: tf.Tensor[]) => tf.Tensor;
  readonly inputs: readonly { readonly shape: readonly number[]; readonly values: Float32Array }[];
}

const ROUNDS = 16;

beforeEach(async () => {
  await tf.setBackend('cpu');
});

/** The function's value in onnxruntime must be the one that tfjs's cpu backend finds; gives the kernels that it used. */
async function expectAgreement({ fn, inputs }: Case, hint: string, target?: Target): Promise<readonly string[]> {
  const named: TensorFunction = (given) => ({ y: tf.cast(fn(...inputs.map((_, i) => given[`x${i}`])), 'float32') });
  const profile = await tf.profile(() => {
    const given = inputs.map(({ shape, values }, i) => [`x${i}`, tf.tensor(values, [...shape])]);
    return named(Object.fromEntries(given))['y'];
  });
  const want = profile.result as tf.Tensor;
  const shapes = inputs.map(({ shape }, i) => [`x${i}`, shape]);
  const got = await runTraced(named, Object.fromEntries(shapes), inputs, target);
  expect(got.dims, hint).toEqual(want.shape);
  expectClose(got.data as Float32Array, want.dataSync<'float32'>(), hint);
  return profile.kernelNames;
}

async function runTraced(
  fn: TensorFunction,
  shapes: Record<string, readonly number[]>,
  inputs: Case['inputs'],
  target: Target = 'cpu',
) {
  const session = await ort.InferenceSession.create(trace(fn, shapes, target).bytes, { intraOpNumThreads: 1 });
  const feeds = inputs.map(({ shape, values }, i) => [`in:x${i}`, new ort.Tensor('float32', values, shape)]);
  const result = await session.run(Object.fromEntries(feeds));
  await session.release();
  return result['out:y'];
}

function expectClose(got: Float32Array, want: Float32Array, hint: string): void {
  expect(got.length, hint).toBe(want.length);
  const size = want.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1);
  want.forEach((value, i) => {
    if (!(Math.abs(got[i] - value) <= 1e-5 * size)) expect.fail(`${hint}, value ${i}: want ${value}, got ${got[i]}`);
  });
}

const sizeOf = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1);
const anyShape = (next: Random, rank = integer(next, 5)) => Array.from({ length: rank }, () => 1 + integer(next, 4));
const pick = <T>(next: Random, from: readonly T[]): T => from[integer(next, from.length)];

type Draw = (next: Random, count: number) => Float32Array;
const positive: Draw = (next, count) => floats(next, count).map((x) => Math.abs(x) + 0.1);
/** Away from 0, of either sign. */
const clear: Draw = (next, count) => floats(next, count).map((x) => x + Math.sign(x));
/** Whole numbers from -2 to 2, so that many are equal. */
const few: Draw = (next, count) => wholes(next, count).map((x) => x % 3);

/** A tensor that the tracer has at hand in NCHW order alone. */
const inNchw = (x: tf.Tensor): tf.Tensor => tf.maxPool(x as tf.Tensor4D, 1, 1, 'valid');

/** One operand in each way that the tracer may hold it: in either order, or as one number for all elements. */
function operand(next: Random, shape: readonly number[], draw: Draw) {
  const values = draw(next, sizeOf(shape));
  const way = pick(next, ['plain', 'nchw', 'uniform']);
  const see = (x: tf.Tensor): tf.Tensor => {
    if (way === 'uniform') return tf.fill([...shape], values[0]);
    return way === 'nchw' && shape.length === 4 ? inNchw(x) : x;
  };
  return { input: { shape, values }, see };
}

type Cases = (next: Random) => Case;

const unary =
  (op: (x: tf.Tensor) => tf.Tensor, draw: Draw = floats): Cases =>
  (next) => {
    const { input, see } = operand(next, anyShape(next), draw);
    return { fn: (x) => op(see(x)), inputs: [input] };
  };

/** Shapes that broadcast against each other: axes of size 1, leading axes left out. */
const binary =
  (op: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor, drawA: Draw = floats, drawB = drawA): Cases =>
  (next) => {
    const whole = anyShape(next, pick(next, [1, 2, 3, 4, 4, 4]));
    const narrowed = () =>
      whole.slice(pick(next, [0, 0, integer(next, whole.length + 1)])).map((size) => pick(next, [size, size, 1]));
    const [a, b] = [operand(next, narrowed(), drawA), operand(next, narrowed(), drawB)];
    return { fn: (x, y) => op(a.see(x), b.see(y)), inputs: [a.input, b.input] };
  };

const reduction =
  (op: (x: tf.Tensor, axes: number[], keepDims: boolean) => tf.Tensor): Cases =>
  (next) => {
    const shape = anyShape(next, pick(next, [1, 2, 3, 4, 4, 4]));
    const { input, see } = operand(next, shape, floats);
    const axes = shape.map((_, i) => i).filter(() => next() < 0.5);
    const fromEnd = axes.map((axis) => (next() < 0.5 ? axis - shape.length : axis));
    const keepDims = next() < 0.5;
    return { fn: (x) => op(see(x), fromEnd, keepDims), inputs: [input] };
  };

/** A convolution of every channel by itself; tfjs's cpu backend has the gradient for equal strides alone. */
function depthwise(next: Random) {
  const [n, h, w, c] = [1 + integer(next, 2), 5 + integer(next, 4), 5 + integer(next, 4), 1 + integer(next, 4)];
  const filter = [1 + integer(next, 4), 1 + integer(next, 4), c, 1];
  const stride = 1 + integer(next, 3);
  const padding = pick<'same' | 'valid'>(next, ['same', 'valid']);
  const inputs = [
    { shape: [n, h, w, c], values: floats(next, n * h * w * c) },
    { shape: filter, values: floats(next, sizeOf(filter)) },
  ];
  const conv = (x: tf.Tensor, k: tf.Tensor) => tf.depthwiseConv2d(x as tf.Tensor4D, k as tf.Tensor4D, stride, padding);
  return { conv, inputs };
}

/** A convolution's image and filter: odd sizes, unequal sides, strides, paddings by name and by numbers. */
function convolution(next: Random) {
  // Small images go one way and larger ones another.
  const side = () => pick(next, [5, 6, 7, 8, 13]);
  const [n, h, w] = [1 + integer(next, 2), side(), side()];
  // Filter gradients go one way for few channels and another for many.
  const [c, f] = [pick(next, [1, 2, 3, 5, 6]), 1 + integer(next, 4)];
  const filter = [1 + integer(next, 4), 1 + integer(next, 4), c, f];
  const stride = pick<number | [number, number]>(next, [1, 1, 2, 3, [1, 2], [2, 1]]);
  const around = () => [integer(next, 3), integer(next, 3)];
  const padding = pick<'same' | 'valid'>(next, ['same', 'valid', [[0, 0], around(), around(), [0, 0]] as never]);
  const inputs = [
    { shape: [n, h, w, c], values: floats(next, n * h * w * c) },
    { shape: filter, values: floats(next, sizeOf(filter)) },
  ];
  const conv = (x: tf.Tensor, k: tf.Tensor) => tf.conv2d(x as tf.Tensor4D, k as tf.Tensor4D, stride, padding);
  return { conv, inputs };
}

/** d(sum of f(x)²)/dx: an error that differs from place to place. */
const gradient =
  (f: (...x: tf.Tensor[]) => tf.Tensor, of: number) =>
  (...x: tf.Tensor[]): tf.Tensor =>
    tf.grad((changed) => tf.sum(tf.square(f(...x.with(of, changed)))))(x[of]);

function pooled(next: Random, draw: Draw) {
  const shape = [1 + integer(next, 2), 5 + integer(next, 4), 5 + integer(next, 4), 1 + integer(next, 3)];
  return { shape, values: draw(next, sizeOf(shape)) };
}

const matrices: Cases = (next) => {
  const [rows, inner, columns] = anyShape(next, 3);
  const [ta, tb] = [next() < 0.5, next() < 0.5];
  const inputs = [ta ? [inner, rows] : [rows, inner], tb ? [columns, inner] : [inner, columns]].map((shape) => ({
    shape,
    values: floats(next, sizeOf(shape)),
  }));
  return { fn: (a, b) => tf.matMul(a, b, ta, tb), inputs };
};

/** Cases for every kernel that the tracer knows. */
const CASES: Readonly<Record<string, Cases>> = {
  Abs: unary(tf.abs),
  Exp: unary(tf.exp),
  Log: unary(tf.log, positive),
  Neg: unary(tf.neg),
  Relu: unary(tf.relu),
  Reciprocal: unary(tf.reciprocal, clear),
  Sigmoid: unary(tf.sigmoid),
  Tanh: unary(tf.tanh),
  Sqrt: unary(tf.sqrt, positive),
  Rsqrt: unary(tf.rsqrt, positive),
  Round: unary(tf.round),
  Square: unary(tf.square),
  Step: (next) => {
    const alpha = pick(next, [0, 0.25]);
    return unary((x) => tf.step(x, alpha), few)(next);
  },
  ClipByValue: unary((x) => tf.clipByValue(x, -1, 0.5)),
  Prelu: (next) => {
    const shape = anyShape(next, 1 + integer(next, 4));
    const { input, see } = operand(next, shape, floats);
    const slopes = { shape: shape.slice(-1), values: floats(next, shape[shape.length - 1]) };
    return { fn: (x, slope) => tf.prelu(see(x), slope), inputs: [input, slopes] };
  },
  Cast: (next) => {
    const through = pick(next, ['int32', 'bool'] as const);
    return unary((x) => tf.cast(tf.cast(tf.mul(x, 0.75), through), 'float32'), few)(next);
  },
  Add: binary(tf.add),
  Sub: binary(tf.sub),
  Multiply: binary(tf.mul),
  RealDiv: binary(tf.div, floats, clear),
  Maximum: binary(tf.maximum),
  Minimum: binary(tf.minimum),
  Pow: binary(tf.pow, positive, floats),
  Greater: binary(tf.greater, few),
  GreaterEqual: binary(tf.greaterEqual, few),
  Less: binary(tf.less, few),
  LessEqual: binary(tf.lessEqual, few),
  LogicalAnd: binary((a, b) => tf.logicalAnd(tf.greater(a, 0), tf.greater(b, 0)), few),
  Select: (next) => {
    const shape = anyShape(next);
    const [condition, t, e] = [few, floats, floats].map((draw) => operand(next, shape, draw));
    return {
      fn: (c, x, y) => tf.where(tf.greater(condition.see(c), 0), t.see(x), e.see(y)),
      inputs: [condition.input, t.input, e.input],
    };
  },
  Sum: reduction(tf.sum),
  Mean: reduction(tf.mean),
  Max: reduction(tf.max),
  Softmax: (next) => {
    const { input, see } = operand(next, anyShape(next, 1 + integer(next, 4)), floats);
    return { fn: (x) => tf.softmax(see(x)), inputs: [input] };
  },
  Identity: unary(tf.clone),
  Reshape: (next) => {
    const shape = anyShape(next, 3);
    const { input, see } = operand(next, [1, ...shape], floats);
    const to = pick(next, [[-1], [shape[2], -1], [1, ...shape], [...shape, 1], [shape[0], shape[1] * shape[2]]]);
    return { fn: (x) => tf.reshape(see(x), to), inputs: [input] };
  },
  ExpandDims: (next) => {
    const shape = anyShape(next, 1 + integer(next, 3));
    const { input, see } = operand(next, shape, floats);
    const axis = integer(next, 2 * shape.length + 2) - shape.length - 1;
    return { fn: (x) => tf.expandDims(see(x), axis), inputs: [input] };
  },
  Transpose: (next) => {
    const { input, see } = operand(next, anyShape(next, 4), floats);
    const axes = pick(next, [
      [0, 3, 1, 2],
      [3, 2, 1, 0],
      [1, 0, 2, 3],
    ]);
    return { fn: (x) => tf.transpose(see(x), axes), inputs: [input] };
  },
  Tile: (next) => {
    const shape = anyShape(next, 1 + integer(next, 4));
    const { input, see } = operand(next, shape, floats);
    const repeats = shape.map(() => 1 + integer(next, 3));
    return { fn: (x) => tf.tile(see(x), repeats), inputs: [input] };
  },
  PadV2: (next) => {
    const shape = anyShape(next, 1 + integer(next, 4));
    const { input, see } = operand(next, shape, floats);
    const around = shape.map((): [number, number] => [integer(next, 3), integer(next, 3)]);
    const fill = pick(next, [0, 1, -2.5]);
    return { fn: (x) => tf.pad(see(x), around, fill), inputs: [input] };
  },
  Slice: (next) => {
    const shape = anyShape(next, 1 + integer(next, 4));
    const { input, see } = operand(next, shape, floats);
    const begin = shape.map((size) => integer(next, size));
    const size = pick(next, [shape.map((all, i) => 1 + integer(next, all - begin[i])), shape.map(() => -1), undefined]);
    // tfjs also takes the first axes alone, or a number for the first one.
    const from = size ? begin : pick<number | number[]>(next, [begin, begin.slice(0, 1), begin[0]]);
    return { fn: (x) => tf.slice(see(x), from, size), inputs: [input] };
  },
  OnesLike: unary(tf.onesLike),
  ZerosLike: unary(tf.zerosLike),
  Fill: (next) => {
    const shape = anyShape(next);
    return unary((x) => tf.add(tf.sum(x), tf.fill(shape, 0.1)))(next);
  },
  BatchMatMul: matrices,
  Conv2D: (next) => {
    const { conv, inputs } = convolution(next);
    return { fn: conv, inputs };
  },
  Conv2DBackpropInput: (next) => {
    const { conv, inputs } = convolution(next);
    return { fn: gradient(conv, 0), inputs };
  },
  Conv2DBackpropFilter: (next) => {
    const { conv, inputs } = convolution(next);
    return { fn: gradient(conv, 1), inputs };
  },
  DepthwiseConv2dNative: (next) => {
    const { conv, inputs } = depthwise(next);
    return { fn: conv, inputs };
  },
  DepthwiseConv2dNativeBackpropInput: (next) => {
    const { conv, inputs } = depthwise(next);
    return { fn: gradient(conv, 0), inputs };
  },
  DepthwiseConv2dNativeBackpropFilter: (next) => {
    const { conv, inputs } = depthwise(next);
    return { fn: gradient(conv, 1), inputs };
  },
  MaxPool: (next) => {
    const [size, stride] = [1 + integer(next, 3), 1 + integer(next, 3)];
    const padding = pick<'same' | 'valid'>(next, ['same', 'valid']);
    return { fn: (x) => tf.maxPool(x as tf.Tensor4D, size, stride, padding), inputs: [pooled(next, floats)] };
  },
  MaxPoolGrad: (next) => {
    // Side by side, with gaps, overlapping, padded.
    const [size, stride] = [1 + integer(next, 3), 1 + integer(next, 3)];
    const padding = pick<'same' | 'valid'>(next, ['same', 'valid']);
    const pool = (x: tf.Tensor) => tf.maxPool(x as tf.Tensor4D, size, stride, padding);
    return { fn: gradient(pool, 0), inputs: [pooled(next, pick(next, [floats, few]))] };
  },
};

describe('a traced kernel does in onnxruntime what it does in tfjs', () => {
  it.for(Object.keys(CASES))('%s', async (name) => {
    let used = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const made = CASES[name](random(round, name.length, name.charCodeAt(0)));
      const kernels = await expectAgreement(made, `${name}, round ${round}`);
      if (kernels.includes(name)) used++;
    }
    expect(used, `cases that use ${name}`).toBeGreaterThan(0);
  });

  it('and none is left out', () => {
    trace(({ x }) => ({ x }), { x: [1] });
    const registered = tf.getKernelsForBackend('onnx-trace').map(({ kernelName }) => kernelName);
    expect(Object.keys(CASES).sort()).toEqual(registered.sort());
  });
});

/** Agreement on given numbers; inputs are [shape, values] pairs. */
const agree = (fn: Case['fn'], ...inputs: [readonly number[], readonly number[]][]) =>
  expectAgreement({ fn, inputs: inputs.map(([shape, values]) => ({ shape, values: Float32Array.from(values) })) }, '');

describe('gradients', () => {
  it('of matMul agree for both matrices, transposed or not', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const { fn, inputs } = matrices(random(round, 1));
      for (const of of [0, 1]) await expectAgreement({ fn: gradient(fn, of), inputs }, `round ${round}, matrix ${of}`);
    }
  });

  it('of batch normalisation composed of its pieces agree for x, gamma and beta, on images and on features', async () => {
    const normalise = (x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor): tf.Tensor => {
      const axes = x.shape.slice(0, -1).map((_, i) => i);
      const centred = tf.sub(x, tf.mean(x, axes));
      const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(centred), axes), 1e-5));
      return tf.exp(tf.add(tf.mul(tf.mul(centred, inverse), gamma), beta));
    };
    const next = random(5);
    for (const shape of [
      [2, 3, 5, 3],
      [7, 3],
    ]) {
      const inputs = [shape, [3], [3]].map((of) => ({ shape: of, values: floats(next, sizeOf(of)) }));
      for (const of of [0, 1, 2]) {
        const inOrder: Case['fn'] = (x, ...rest) =>
          normalise(shape.length === 4 ? inNchw(x) : x, ...(rest as [tf.Tensor, tf.Tensor]));
        await expectAgreement({ fn: gradient(inOrder, of), inputs }, `[${shape}], input ${of}`);
      }
    }
  });

  it.each(['MaxPoolGrad', 'Prelu'])('%s agrees in the form for GPUs', async (name) => {
    for (let round = 0; round < 2 * ROUNDS; round++) {
      await expectAgreement(CASES[name](random(round, 2)), `round ${round}`, 'gpu');
    }
  });

  it.each([
    'cpu',
    'gpu',
  ] as const)('of max pooling go to the first of equal maxima, in the order of rows (%s)', async (target) => {
    const fn: TensorFunction = ({ x0 }) => ({
      y: tf.grad((x) => tf.sum(tf.maxPool(x as tf.Tensor4D, 2, 2, 'valid')))(x0),
    });
    // Two windows of 2x2: maximum 3 at its upper right and lower left; four times 1.
    const values = Float32Array.of(0, 3, 1, 1, 3, 0, 1, 1);
    const got = await runTraced(fn, { x0: [1, 2, 4, 1] }, [{ shape: [1, 2, 4, 1], values }], target);
    expect([...(got.data as Float32Array)]).toEqual([0, 1, 1, 0, 0, 0, 0, 0]);
  });
});

describe('types other than float32', () => {
  it('sums of truths count them', async () => {
    await agree(
      (x) => tf.sum(tf.greater(x, 0), [0]),
      [
        [3, 2],
        [1, -1, 2, 0, -3, 4],
      ],
    );
  });

  it('whole numbers are added, multiplied, compared and padded as such', async () => {
    const whole = (x: tf.Tensor) => tf.cast(x, 'int32');
    const input: [number[], number[]] = [[4], [1.9, -1.9, 7.5, -0.5]];
    await agree((x) => tf.mul(tf.add(whole(x), whole(tf.neg(x))), tf.scalar(3, 'int32')), input);
    await agree((x) => tf.greaterEqual(whole(x), tf.scalar(1, 'int32')), input);
    await agree((x) => tf.pad(whole(x), [[1, 2]], 5), input);
  });

  it('a constant loses its fraction on the way to int32, and its size on the way to bool', async () => {
    for (const type of ['int32', 'bool'] as const) {
      const [shape, values] = [[2], [1, 2]];
      await agree((x) => tf.mul(x, tf.cast(tf.cast(tf.fill([2], -2.5), type), 'float32')), [shape, values]);
    }
  });
});

describe('what the tracer can not do is said clearly', () => {
  const traced = (fn: (x: tf.Tensor4D) => tf.Tensor, shape = [1, 5, 5, 2]) =>
    trace(({ x }) => ({ y: fn(x as tf.Tensor4D) }), { x: shape });

  it.each<[string, (x: tf.Tensor4D) => tf.Tensor, string]>([
    ['an unknown kernel', (x) => tf.sin(x), "'Sin' not registered for backend 'onnx-trace'"],
    ['reading values', (x) => tf.scalar(x.dataSync()[0]), 'must not read them'],
    ['a product of more than matrices', (x) => tf.matMul(x, x, false, true), 'can only trace products of matrices'],
    ['constants of other types', (x) => tf.add(x, tf.tensor1d([1, 2], 'int32')), 'constants of float32, not of int32'],
    ['channels first', (x) => tf.conv2d(x, tf.ones([1, 1, 5, 1]), 1, 'valid', 'NCHW'), 'NHWC'],
    [
      'two filters a channel',
      (x) => tf.depthwiseConv2d(x, tf.ones([3, 3, 2, 2]), 1, 'valid'),
      'one filter per channel',
    ],
  ])('%s', (_, fn, message) => {
    expect(() => traced(fn)).toThrow(message);
  });

  it('and leaves tfjs on the backend and in the scope where it was', () => {
    const before = tf.memory().numTensors;
    const failing = () => {
      tf.scalar(1); // the outer scope's own
      traced((x) => tf.sin(tf.relu(x)));
    };
    expect(() => tf.tidy(failing)).toThrow();
    expect(tf.getBackend()).toBe('cpu');
    expect(tf.memory().numTensors).toBe(before);
    traced((x) => tf.relu(x));
    expect(tf.memory().numTensors).toBe(before);
  });
});

it.each([
  ['addition', tf.add, [0, 1]],
  ['subtraction', tf.sub, [0, 1]],
  ['multiplication', tf.mul, [0, 1]],
  ['division', tf.div, [1]],
])('%s of constants agrees on either side', async (_, op, constants) => {
  for (const constant of constants) {
    // A shape that widens the other operand may not be left out either.
    for (const shape of [[3], [], [2, 3], [1, 1, 3]]) {
      const neutral = () => tf.fill(shape, constant);
      await agree((x) => op(x, neutral()), [[3], [1, -2, 4]]);
      await agree((x) => op(neutral(), x), [[3], [1, -2, 4]]);
    }
  }
});

it('a choice by constant truths alone keeps its shape', async () => {
  for (const chosen of [1, -1]) {
    const fn: Case['fn'] = (x) => tf.add(tf.where(tf.greater(tf.fill([3], chosen), 0), tf.ones([3]), tf.zeros([3])), x);
    await agree(fn, [[], [2]]);
  }
});

it('dilated convolutions agree', async () => {
  const next = random(11);
  const values = [...floats(next, 7 * 8 * 2)];
  const filter = [...floats(next, 3 * 2 * 2 * 3)];
  for (const padding of ['same', 'valid'] as const) {
    const fn: Case['fn'] = (x, k) => tf.conv2d(x as tf.Tensor4D, k as tf.Tensor4D, 1, padding, 'NHWC', 2);
    await agree(fn, [[1, 7, 8, 2], values], [[3, 2, 2, 3], filter]);
  }
});
