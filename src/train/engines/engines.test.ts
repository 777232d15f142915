import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it, vi } from 'vitest';
import { floats } from '../../../kernels/test-values.js';
import { randomParameters, smallNetwork } from '../../../test/small-network.js';
import { TINY_ZOO } from '../../../test/zoo.js';
import { random } from '../../base/random.js';
import type { NamedArrays } from '../../base/tensors.js';
import type { JointNetwork } from '../../network/layers.js';
import { networkParameters } from '../../network/parameters.js';
import { featuresOf } from '../../network/shapes.js';
import { createNetwork } from '../../network/zoo/index.js';
import type { OptimizerName } from '../optimizers.js';
import { inferenceFunction, optimizerSlots, trainStep } from '../step.js';
import { createEagerEngine } from './eager.js';
import type { Engine } from './engine.js';
import { createEngine } from './index.js';
import { createOnnxruntimeEngine } from './onnxruntime.js';

/** How close any value before a sign comes to 0, or to ±1 where its gradient ends, while the oracle runs. */
const signs = vi.hoisted(() => ({ watched: false, margin: Number.POSITIVE_INFINITY }));

vi.mock('../binarize.js', async (importOriginal) => {
  const original = await importOriginal<typeof import('../binarize.js')>();
  const signStraightThrough = (x: tf.Tensor): tf.Tensor => {
    if (signs.watched) {
      for (const value of x.dataSync()) {
        signs.margin = Math.min(signs.margin, Math.abs(value), Math.abs(Math.abs(value) - 1));
      }
    }
    return original.signStraightThrough(x);
  };
  return { ...original, signStraightThrough };
});

const BATCH = 4;

interface Start {
  readonly network: JointNetwork;
  readonly optimizer: OptimizerName;
  readonly slots: 'cold' | 'warm';
  readonly seed: number;
}

/** Slots at 0, as before the first step, or as after many. */
function startState({ network, optimizer, slots, seed }: Start): NamedArrays {
  const state = randomParameters(network, seed);
  optimizerSlots(network, optimizer).forEach(({ name, parameter: { shape } }, i) => {
    const drawn = floats(
      random(seed, 1000 + i),
      shape.reduce((product, size) => product * size, 1),
    );
    const warm = (value: number) => (name.includes('.second.') ? 0.01 + value * value : 0.1 * value);
    state[name] = { shape, values: drawn.map((value) => (slots === 'warm' ? warm(value) : 0)) };
  });
  return state;
}

async function oneStep(engine: Engine, start: Start) {
  const { network, optimizer, seed } = start;
  const { input, classes } = network;
  const state = startState(start);
  engine.setState(state);
  const step = await engine.compile(
    trainStep(network, { optimizer, weightDecay: 1e-4, branchWeight: 1, distillation: 1, temperature: 2 }),
    Object.keys(state),
    {
      images: [BATCH, ...input],
      targets: [BATCH, classes],
      rate: [],
      branchRate: [],
      correction1: [],
      correction2: [],
    },
  );
  const targets = new Float32Array(BATCH * classes);
  for (let i = 0; i < BATCH; i++) targets[classes * i + (i % classes)] = 1;
  const steps = start.slots === 'warm' ? 10 : 1;
  const observed = await step({
    images: floats(random(seed, 9999), BATCH * input[0] * input[1] * input[2]),
    targets,
    rate: Float32Array.of(0.01),
    branchRate: Float32Array.of(0.02),
    correction1: Float32Array.of(1 - 0.9 ** steps),
    correction2: Float32Array.of(1 - 0.999 ** steps),
  });
  return { observed, state: await engine.getState() };
}

async function oneForward(engine: Engine, network: JointNetwork, images: Float32Array) {
  engine.setState(randomParameters(network, 1));
  const names = networkParameters(network).map(({ name }) => name);
  const infer = await engine.compile(inferenceFunction(network), names, { images: [BATCH, ...network.input] });
  return infer({ images });
}

function expectClose(got: Float32Array, want: Float32Array, what: string): void {
  const size = want.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  const error = want.reduce((most, value, i) => Math.max(most, Math.abs(value - got[i])), 0);
  expect(error / size, what).toBeLessThan(1e-4);
}

const lenet = createNetwork('lenet', [28, 28, 1], 10);

// The seeds keep every value before a sign clear of 0 and ±1 by `margin`: rounding, below 1e-5, can turn none over.
describe.each<[string, JointNetwork, number, number]>([
  ['a small network', smallNetwork(false), 13, 1e-3],
  ['a small network with K', smallNetwork(true), 13, 1e-3],
  ['LeNet', lenet, 5, 1e-4],
  ['LeNet with K', createNetwork('lenet', [28, 28, 1], 10, { inputScale: true }), 5, 1e-4],
])('one step of %s', (_, network, seed, margin) => {
  it.each<[OptimizerName, Start['slots']]>([
    ['momentum', 'cold'],
    ['adam', 'cold'],
    ['adam', 'warm'],
  ])('is the same in onnxruntime as in the oracle (%s, %s slots)', async (optimizer, slots) => {
    const [traced, oracle] = [createOnnxruntimeEngine(), createEagerEngine('cpu', 'cpu')];
    const start: Start = { network, optimizer, slots, seed };
    Object.assign(signs, { watched: true, margin: Number.POSITIVE_INFINITY });
    const truth = await oneStep(oracle, start);
    signs.watched = false;
    expect(signs.margin, 'values before a sign').toBeGreaterThan(margin);
    const ours = await oneStep(traced, start);
    expect(Object.keys(ours.state)).toEqual(Object.keys(truth.state));
    for (const [name, values] of Object.entries(truth.observed)) expectClose(ours.observed[name], values, name);
    for (const [name, { values }] of Object.entries(truth.state)) {
      // Adam's first step is near sign(gradient), ill-conditioned at 0: there its slots are compared, which hold the
      // gradients; the parameters are where the slots are warm.
      if (optimizer === 'adam' && slots === 'cold' && !/^optimizer\.|\.(mean|variance)$/.test(name)) continue;
      expectClose(ours.state[name].values, values, name);
    }
    await Promise.all([traced.dispose(), oracle.dispose()]);
  });
});

// This seed keeps every value before a sign clear enough of rounding; deep networks have too many for a wide margin.
it.each(
  TINY_ZOO.filter(([title]) => /LeNet|AlexNet|ResNet18, CIFAR/.test(title)),
)('one step and one forward pass of %s are the same in onnxruntime as in the oracle', async (_, network) => {
  const seed = 1;
  const [traced, oracle] = [createOnnxruntimeEngine(1), createEagerEngine('cpu', 'cpu')];
  const start: Start = { network, optimizer: 'momentum', slots: 'cold', seed };
  const truth = await oneStep(oracle, start);
  const ours = await oneStep(traced, start);
  for (const [name, { values }] of Object.entries(truth.state)) {
    // A bias before batch normalisation has no gradient: what its slots hold is rounding, to which nothing is relative.
    if (name.startsWith('optimizer.') && values.every((value) => Math.abs(value) < 1e-4)) continue;
    expectClose(ours.state[name].values, values, name);
  }
  for (const [name, values] of Object.entries(truth.observed)) expectClose(ours.observed[name], values, name);
  const images = floats(random(seed, 9998), BATCH * featuresOf(network.input));
  const [found, expected] = await Promise.all([traced, oracle].map((engine) => oneForward(engine, network, images)));
  for (const name of ['shared', 'full', 'branch']) expectClose(found[name], expected[name], name);
  await Promise.all([traced.dispose(), oracle.dispose()]);
});

describe.each([
  ['onnxruntime', () => createOnnxruntimeEngine(1)],
  ['the oracle', () => createEagerEngine('cpu', 'cpu')],
])('%s', (_, create) => {
  const array = (...values: number[]) => ({ shape: [values.length], values: Float32Array.from(values) });

  it('replaces the state tensors that a function names, and returns the others', async () => {
    const engine = create();
    const given = { a: array(1, 2), b: array(5) };
    engine.setState(given);
    const count = await engine.compile(
      ({ a, by }) => ({ a: tf.add(a, by), sum: tf.sum(a), unchanged: a }),
      ['a', 'b'],
      { by: [] },
    );
    for (let step = 0; step < 3; step++) {
      const observed = await count({ by: Float32Array.of(10) });
      expect(Object.keys(observed).sort()).toEqual(['sum', 'unchanged']);
      expect([...observed.sum]).toEqual([3 + 20 * step]);
      expect([...observed.unchanged]).toEqual([1 + 10 * step, 2 + 10 * step]);
    }
    expect(await engine.getState()).toEqual({ a: array(31, 32), b: array(5) });
    expect(given).toEqual({ a: array(1, 2), b: array(5) });
    (await engine.getState()).b.values[0] = 0;
    expect((await engine.getState()).b).toEqual(array(5));
    await engine.dispose();
  });
});

it('steps of an eager engine leave no tensors behind', async () => {
  const engine = createEagerEngine('cpu', 'cpu');
  const start: Start = { network: smallNetwork(true), optimizer: 'adam', slots: 'cold', seed: 1 };
  await oneStep(engine, start);
  const before = tf.memory().numTensors;
  await oneStep(engine, start);
  expect(tf.memory().numTensors).toBe(before);
  await engine.dispose();
  expect(tf.memory().numTensors).toBe(before - Object.keys(startState(start)).length);
});

it('says what is missing where an engine can not start', async () => {
  await expect(createEngine('tensorflow')).rejects.toThrow('npm install @tensorflow/tfjs-node');
  await expect(createEngine('abacus')).rejects.toThrow('expected one of: onnxruntime, tensorflow');
});
