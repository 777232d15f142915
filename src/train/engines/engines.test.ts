import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it, vi } from 'vitest';
import { floats } from '../../../kernels/test-values.js';
import { BATCH, expectClose, oneStep, type StepStart, startState } from '../../../test/one-step.js';
import { expectSameState, fromOneStart, ZOO_TOLERANCE } from '../../../test/same-step.js';
import { graphLayers, severalExits, smallNetwork } from '../../../test/small-network.js';
import { TINY_ZOO } from '../../../test/zoo.js';
import { random } from '../../base/random.js';
import type { NamedArrays } from '../../base/tensors.js';
import type { BinaryOptions } from '../../network/binary-block.js';
import type { BranchForm } from '../../network/branch.js';
import type { JointNetwork } from '../../network/layers.js';
import { networkParameters } from '../../network/parameters.js';
import { featuresOf } from '../../network/shapes.js';
import { createNetwork } from '../../network/zoo/index.js';
import type { OptimizerName } from '../optimizers.js';
import { inferenceFunction } from '../step.js';
import { createEagerEngine } from './eager.js';
import type { Engine, EngineFunction } from './engine.js';
import { createEngine } from './index.js';
import { createOnnxruntimeEngine } from './onnxruntime.js';

/** Distance of any value before a sign to 0, or to ±1 where its gradient ends, while the oracle runs. */
const signs = vi.hoisted(() => ({ watched: false, margin: Number.POSITIVE_INFINITY }));

vi.mock('../binarize.js', async (importOriginal) => {
  const original = await importOriginal<typeof import('../binarize.js')>();
  const signStraightThrough: typeof original.signStraightThrough = (x, estimator) => {
    if (signs.watched) {
      for (const value of x.dataSync()) {
        signs.margin = Math.min(signs.margin, Math.abs(value), Math.abs(Math.abs(value) - 1));
      }
    }
    return original.signStraightThrough(x, estimator);
  };
  return { ...original, signStraightThrough };
});

const TOLERANCE = 1e-4;

async function oneForward(
  engine: Engine,
  network: JointNetwork,
  images: Float32Array,
  parameters: NamedArrays,
  compiled: Map<Engine, EngineFunction>,
) {
  engine.setState(parameters);
  const names = networkParameters(network).map(({ name }) => name);
  const compile = () => engine.compile(inferenceFunction(network), names, { images: [BATCH, ...network.input] });
  const infer = compiled.get(engine) ?? (await compile());
  compiled.set(engine, infer);
  return infer({ images });
}

const lenet = (inputScale: boolean): JointNetwork =>
  createNetwork('lenet', [28, 28, 1], 10, { width: 0.2, inputScale });

const narrow = (branch: BranchForm): JointNetwork =>
  createNetwork('lenet', [16, 16, 1], 3, { width: 0.2, attach: 'conv1,conv2', branch });
const resnet = (options: BinaryOptions): JointNetwork =>
  createNetwork('resnet18', [8, 8, 3], 3, { width: 0.05, branch: { conv: 6, fc: 1 }, ...options });
const reactnet = resnet({ norm: 'after', signShift: true, activation: 'rprelu', downsample: 'float' });
const xnorNet = resnet({ norm: 'before', activation: 'hardtanh', filterScale: 'learned', downsample: 'binary' });
const approxSign = { options: { estimator: 'approx-sign', labelSmoothing: 0.1 } } as const;
const swishSign = { options: { estimator: 'swish-sign' } } as const;

// With these seeds every value before a sign is at least `margin` away from 0 and ±1, so rounding (below 1e-5) can't
// flip one.
describe.each<[string, JointNetwork, number, number, Pick<StepStart, 'options' | 'floatWeights' | 'teacher'>?]>([
  ['a small network', smallNetwork(false), 13, 1e-3],
  ['a small network with K', smallNetwork(true), 13, 1e-3],
  ['a small network with three exits', severalExits(3), 6, 1e-3],
  ['layers of other graphs', graphLayers, 1, 0],
  ['LeNet', lenet(false), 8, 3e-4],
  ['LeNet with K', lenet(true), 8, 3e-4],
  ['a branch as in ReActNet', reactnet, 1, 3e-5, approxSign],
  ['a branch as in XNOR-Net, learned scales', xnorNet, 1, 3e-5, swishSign],
  ['a branch with learned scales and real weights', xnorNet, 1, 3e-5, { floatWeights: true }],
  ['a small network with real weights', smallNetwork(false), 13, 1e-3, { floatWeights: true }],
  ['three exits of a frozen full network', severalExits(3), 6, 1e-3, { options: { freezeFull: true } }],
  ['float exits', narrow('float'), 1, 1e-3],
  ['a network alone', narrow('none'), 1, 1e-3],
  ['a network whose weights are averaged', smallNetwork(false), 13, 1e-3, { options: { averageDecay: 0.9 } }],
  [
    'averages beside a frozen full network',
    severalExits(3),
    6,
    1e-3,
    { options: { freezeFull: true, averageDecay: 0.9 } },
  ],
  ['a full network without its branches', { ...smallNetwork(false), branch: [] }, 1, 1e-3],
  ['a network alone that has a teacher', narrow('none'), 1, 1e-3, { teacher: narrow('float') }],
])('one step of %s', (_, network, seed, margin, more) => {
  it.each<[OptimizerName, StepStart['slots']]>([
    ['momentum', 'cold'],
    ['nesterov', 'warm'],
    ['adam', 'cold'],
    ['adam', 'warm'],
  ])('is the same in onnxruntime as in the oracle (%s, %s slots)', async (optimizer, slots) => {
    const [traced, oracle] = [createOnnxruntimeEngine({ threads: 1 }), createEagerEngine('cpu', 'cpu')];
    const start: StepStart = { network, optimizer, slots, seed, ...more };
    Object.assign(signs, { watched: true, margin: Number.POSITIVE_INFINITY });
    const truth = await oneStep(oracle, start);
    signs.watched = false;
    expect(signs.margin, 'values before a sign').toBeGreaterThan(margin);
    const ours = await oneStep(traced, start);
    expect(Object.keys(ours.state)).toEqual(Object.keys(truth.state));
    for (const [name, values] of Object.entries(truth.observed))
      expectClose(ours.observed[name], values, TOLERANCE, name);
    for (const [name, { values }] of Object.entries(truth.state)) {
      // Adam's first step is near sign(gradient), which is ill-conditioned at 0. So for cold slots compare the slots,
      // which hold the gradients; for warm slots compare the parameters.
      if (optimizer === 'adam' && slots === 'cold' && !/^optimizer\.(?!raw\.)|\.(mean|variance)$/.test(name)) continue;
      expectClose(ours.state[name].values, values, TOLERANCE, name);
    }
    await Promise.all([traced.dispose(), oracle.dispose()]);
  });
});

/** Timeout on a busy machine, for several starts of ResNet50. */
const SLOW_MS = 600_000;

describe.each(TINY_ZOO)('%s', (_, network) => {
  const engines = () => [createOnnxruntimeEngine({ threads: 1 }), createEagerEngine('cpu', 'cpu')];

  it(
    'takes the same step in onnxruntime as in the oracle',
    async () => {
      const both = engines();
      const steps = new Map<Engine, EngineFunction>();
      await fromOneStart(network, async (start) => {
        const [ours, truth] = [await oneStep(both[0], start, steps), await oneStep(both[1], start, steps)];
        for (const [name, values] of Object.entries(truth.observed)) {
          expectClose(ours.observed[name], values, ZOO_TOLERANCE, name);
        }
        expectSameState(ours.state, truth.state);
      });
      await Promise.all(both.map((engine) => engine.dispose()));
    },
    SLOW_MS,
  );

  it('answers in onnxruntime as in the oracle', async () => {
    const both = engines();
    const functions = new Map<Engine, EngineFunction>();
    await fromOneStart(network, async ({ seed, parameters }) => {
      const images = floats(random(seed, 9998), BATCH * featuresOf(network.input));
      const [ours, truth] = [
        await oneForward(both[0], network, images, parameters, functions),
        await oneForward(both[1], network, images, parameters, functions),
      ];
      for (const name of ['shared', 'full', 'branch']) expectClose(ours[name], truth[name], ZOO_TOLERANCE, name);
    });
    await Promise.all(both.map((engine) => engine.dispose()));
  });
});

describe.each([
  ['onnxruntime', () => createOnnxruntimeEngine({ threads: 1 })],
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

it('the state outlives the function that made it', async () => {
  const engine = createOnnxruntimeEngine({ threads: 1 });
  engine.setState({ a: { shape: [2], values: Float32Array.of(1, 2) } });
  const add = await engine.compile(({ a, by }) => ({ a: tf.add(a, by) }), ['a'], { by: [] });
  const double = await engine.compile(({ a }) => ({ a: tf.mul(a, 2) }), ['a'], {});
  await add({ by: Float32Array.of(1) });
  await engine.release(add);
  await engine.release(add);
  await double({});
  expect([...(await engine.getState()).a.values]).toEqual([4, 6]);
  await engine.dispose();
});

it('steps of an eager engine leave no tensors behind', async () => {
  const engine = createEagerEngine('cpu', 'cpu');
  const start: StepStart = { network: smallNetwork(true), optimizer: 'adam', slots: 'cold', seed: 1 };
  await oneStep(engine, start);
  const before = tf.memory().numTensors;
  await oneStep(engine, start);
  expect(tf.memory().numTensors).toBe(before);
  await engine.dispose();
  expect(tf.memory().numTensors).toBe(before - Object.keys(startState(start)).length);
});

it('says what is missing where an engine can not start', async () => {
  await expect(createEngine('tensorflow')).rejects.toThrow('npm install @tensorflow/tfjs-node');
  await expect(createEngine('tensorflow', 'webgpu')).rejects.toThrow('expected device cpu, found webgpu');
  await expect(createEngine('abacus')).rejects.toThrow('expected one of: onnxruntime, tensorflow');
});
