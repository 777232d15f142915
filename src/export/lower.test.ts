import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { beforeAll, describe, expect, it } from 'vitest';
import { BUILDS, readKernels } from '../../kernels/harness.js';
import { expectEqual, wholes } from '../../kernels/test-values.js';
import { anyNetwork, graphLayers, randomParameters, severalExits, smallNetwork } from '../../test/small-network.js';
import { TINY_ZOO } from '../../test/zoo.js';
import { numbered, withExits } from '../base/exits.js';
import { random } from '../base/random.js';
import type { NamedArrays } from '../base/tensors.js';
import { jointNetwork } from '../network/branch.js';
import type { JointNetwork, Layer } from '../network/layers.js';
import { featuresOf } from '../network/shapes.js';
import { uplinkLayers } from '../network/uplink.js';
import { createNetwork } from '../network/zoo/index.js';
import { forward } from '../train/forward.js';
import { padded } from '../train/padding.js';
import { floatModel, TAIL_INPUT, TAIL_OUTPUT, tailModel } from './float-model.js';
import { lowerBranch } from './lower.js';
import { type Address, byName, type DeviceProgram, KERNEL_ARGUMENTS, type KernelCall, stagesOf } from './program.js';
import { runReference } from './run-reference.js';
import { instantiate } from './run-wasm.js';

const wasm = Object.fromEntries(BUILDS.map((build) => [build, readKernels(build)]));

beforeAll(async () => {
  await tf.setBackend('cpu');
});

/**
 * Parameters whose convolutions of whole-number images are exact in any order of summing, so that no two readers can
 * round a value before a sign apart. One gamma of each batch normalisation is 0, one is negative.
 */
function parameters(network: JointNetwork, seed: number): NamedArrays {
  const state = randomParameters(network, seed);
  for (const [name, array] of Object.entries(state)) {
    if (/^shared\d*\..*\.(kernel|bias)$/.test(name)) array.values.set(wholes(random(seed, 77), array.values.length));
    if (name.endsWith('.gamma')) {
      array.values[0] = 0;
      array.values[array.values.length - 1] *= -1;
    }
  }
  return state;
}

/** One image through the trainer's own functions, on tfjs's cpu backend. */
function oracle(network: JointNetwork, state: NamedArrays, image: Float32Array) {
  return tf.tidy(() => {
    const tensors = Object.fromEntries(
      Object.entries(state).map(([name, { shape, values }]) => [name, tf.tensor(values, [...shape])]),
    );
    const { shared, full, branches } = forward(network, tensors, tf.tensor(image, [1, ...network.input]), () => false);
    const read = (x: tf.Tensor) => x.dataSync<'float32'>().slice();
    const uplink = uplinkLayers(network).reduce((x, { layer }) => {
      if (layer.type === 'relu') return tf.clipByValue(x, 0, layer.max ?? Number.POSITIVE_INFINITY);
      if (layer.type !== 'max-pool') throw new Error(`${layer.type} has no place on the device`);
      const { size, stride = size, padding = 0 } = layer;
      const [image, rest] = padded(x, padding, Number.NEGATIVE_INFINITY);
      return tf.maxPool(image, size, stride, rest);
    }, shared);
    return { uplink: read(uplink), full: read(full), branches: branches.map(read) };
  });
}

function expectClose(found: Float32Array, expected: Float32Array, what: string): void {
  expect(found.length, what).toBe(expected.length);
  const size = expected.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1);
  const error = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - found[i]) / size), 0);
  expect(error, what).toBeLessThan(1e-4);
}

/** Branches behind several depthwise-separable layers, with padding that differs from side to side. */
const DEEP = (
  [
    ['EfficientNet-Lite0, TensorFlow padding, behind a block of stage 4', 'tf-efficientnet-lite0', 62, 'stage4-2'],
    ['EfficientNet-Lite0 behind a block of stage 3', 'efficientnet-lite0', 68, 'stage3-1'],
    ['MobileNetV1 behind a pointwise layer', 'mobilenet-v1', 66, 'conv6'],
    ['MobileNetV2 behind a block of stage 3', 'mobilenet-v2', 66, 'stage3-1'],
  ] as const
).map(([title, name, side, attach]) => {
  const options = { width: 0.12, attach, form: 'large' } as const;
  return [title, createNetwork(name, [side, side + 4, 3], 5, options)] as const;
});

/** As in MobileNetV3: hard-swish behind float layers with batch normalisation, and behind a sum, which has no epilogue for it. */
const SWISH = jointNetwork(
  'hard-swish',
  [13, 11, 3],
  4,
  [
    { type: 'conv2d', name: 'conv1', filters: 10, kernel: 3, stride: 2, padding: 1, bias: false },
    { type: 'batch-norm', name: 'bn1' },
    { type: 'hard-swish' },
    { type: 'depthwise-conv2d', name: 'depthwise1', kernel: 5, padding: 2 },
    { type: 'batch-norm', name: 'bn2' },
    { type: 'hard-swish' },
    {
      type: 'residual',
      body: [
        { type: 'conv2d', name: 'block1-project', filters: 10, kernel: 1 },
        { type: 'hard-swish' },
        { type: 'depthwise-conv2d', name: 'block1-depthwise', kernel: 3, padding: 1 },
      ],
      shortcut: [],
    },
    { type: 'hard-swish' },
    { type: 'conv2d', name: 'conv2', filters: 7, kernel: 1 },
    { type: 'hard-swish' },
    { type: 'conv2d', name: 'conv3', filters: 7, kernel: 3 },
    { type: 'global-average-pool' },
    { type: 'dense', name: 'fc', units: 4 },
  ],
  { attach: 'conv2' },
);

const binary = (filters: number, kernel: number, stride: number, padding: number): Layer => {
  return { type: 'binary-conv2d', name: 'binary', filters, kernel, stride, padding };
};
const answer: Layer[] = [{ type: 'flatten' }, { type: 'dense', name: 'fc', units: 3 }];

/** Shapes that no sensible network has, but an imported one may. */
const HOSTILE: readonly (readonly [title: string, network: JointNetwork])[] = (
  [
    ['an image of one pixel', [1, 1, 1], { kernel: 1 }, binary(3, 1, 1, 0)],
    ['an image of one pixel, 3x3 kernels', [1, 1, 3], { kernel: 3, padding: 1 }, binary(5, 3, 1, 1)],
    ['an image of one column', [9, 1, 1], { kernel: 3, padding: 1, stride: 2 }, binary(17, 3, 1, 1)],
    ['an image of one row', [1, 9, 2], { kernel: 5, padding: 2 }, binary(9, 3, 2, 1)],
    ['strides larger than the kernels', [11, 13, 3], { kernel: 1, stride: 3 }, binary(7, 1, 2, 0)],
    ['more padding than the kernel has', [4, 3, 1], { kernel: 2, padding: 4 }, binary(3, 2, 3, 3)],
    ['a kernel larger than the image', [2, 3, 1], { kernel: 7, padding: 3 }, binary(65, 5, 1, 2)],
  ] as const
).map(([title, input, window, layer]) => {
  const conv: Layer = { type: 'conv2d', name: 'conv1', filters: 5, ...window };
  const full: Layer[] = [{ type: 'hard-swish' }, ...answer];
  return [title, { name: 'hostile', input, classes: 3, shared: [conv], full, branch: [layer, ...answer] }] as const;
});

/** With one and with 1,000 units, of one input. */
const UNITS = [1, 1000].map((units): readonly [string, JointNetwork] => {
  const fc: Layer = { type: 'dense', name: 'fc', units };
  const shared: Layer[] = [
    { type: 'conv2d', name: 'conv1', filters: 1, kernel: 3 },
    { type: 'depthwise-conv2d', name: 'depthwise1', kernel: 3, stride: 5, padding: 1 },
  ];
  const branch: Layer[] = [{ type: 'flatten' }, { type: 'binary-dense', name: 'fc1', units: 1 }, fc];
  const network = { name: 'units', classes: units, shared, full: [{ type: 'flatten' }, fc] as Layer[], branch };
  return [`${units} class(es) of one value`, { ...network, input: [5, 6, 1] as const }];
});

async function expectLowered(network: JointNetwork, seed: number): Promise<void> {
  const state = parameters(network, seed);
  const program = lowerBranch(network, state);
  const image = wholes(random(seed, 78), featuresOf(network.input));
  const truth = oracle(network, state, image);
  const last = truth.branches.length - 1;
  const devices = BUILDS.map((build) => [build, instantiate(program, wasm[build]).run] as const);
  const runs = [['reference', runReference.bind(undefined, program)] as const, ...devices];
  for (const [name, run] of runs) {
    truth.branches.forEach((branch, exit) => {
      expectClose(run(image, exit).logits, branch, `logits of exit ${exit}, ${name}`);
    });
    expectClose(run(image, last).shared, truth.uplink, `what the edge is sent, ${name}`);
  }
  expectSameBinaryLayers(program, image);
  const { shape } = stagesOf(program)[last].shared;
  expectClose(await runModel(tailModel(network, state), truth.uplink, shape), truth.full, 'tail');
  const trunk = [...truth.branches.map((_, i) => numbered('shared', i)), 'full' as const];
  const whole = floatModel(network, state, trunk);
  expectClose(await runModel(whole, image, network.input), truth.full, 'full network');
}

/** What every binary layer of the branches writes is the same in WebAssembly as in the reference, to the bit. */
function expectSameBinaryLayers(program: DeviceProgram, image: Float32Array): void {
  const binary = withoutFloatSums(program);
  const last = stagesOf(binary).length - 1;
  const expected = binaryOutputs((afterCall) => runReference(binary, image, last, afterCall));
  for (const build of BUILDS) {
    const device = instantiate(binary, wasm[build]);
    const found = binaryOutputs((afterCall) => device.run(image, last, afterCall));
    expect(found.length).toBe(expected.length);
    found.forEach((values, i) => {
      expectEqual(values, expected[i]);
    });
  }
}

/** The program without K and shortcuts in its binary layers: these are sums of floats, which may round either way. */
function withoutFloatSums(program: DeviceProgram): DeviceProgram {
  const without = (call: KernelCall): KernelCall => {
    const names: readonly string[] = KERNEL_ARGUMENTS[call.kernel];
    return { ...call, args: call.args.map((arg, i) => (['k', 'shortcut'].includes(names[i]) ? null : arg)) };
  };
  const { arenaBytes, constants, input } = program;
  const stages = stagesOf(program).map((stage) => ({
    ...stage,
    calls: stage.calls.map((call) => (isBinary(call) ? without(call) : call)),
  }));
  return { arenaBytes, constants, input, ...withExits(stages) };
}

/** What each binary layer writes, in a run that reports its calls. */
function binaryOutputs(run: (afterCall: (call: KernelCall, arena: Uint8Array) => void) => void): Float32Array[] {
  const outputs: Float32Array[] = [];
  run((call, arena) => {
    if (!isBinary(call)) return;
    const { y, units, outHeight, outWidth, filters } = byName(call);
    const length = Number(call.kernel === 'binary_dense' ? units : product(outHeight, outWidth, filters));
    expect(length).toBeGreaterThan(0);
    outputs.push(new Float32Array(arena.buffer, arena.byteOffset + (y as Address).arena, length).slice());
  });
  return outputs;
}

const product = (...sizes: unknown[]): number => sizes.reduce((all: number, size) => all * Number(size), 1);
const isBinary = ({ kernel }: KernelCall): boolean => kernel === 'binary_conv2d' || kernel === 'binary_dense';

/** One row of logits from ONNX Runtime, where the row is the last of a batch of two. */
async function runModel(model: Uint8Array, x: Float32Array, shape: readonly number[]): Promise<Float32Array> {
  const session = await InferenceSession.create(model, { intraOpNumThreads: 1 });
  const batch = new Float32Array(2 * x.length);
  batch.set(x, x.length);
  const { [TAIL_OUTPUT]: logits } = await session.run({ [TAIL_INPUT]: new Tensor('float32', batch, [2, ...shape]) });
  await session.release();
  return (logits.data as Float32Array).slice(logits.dims[1]);
}

describe('the device program of a branch, the tail and the full network answer as the trainer does', () => {
  it.each<readonly [string, JointNetwork]>([
    ['a small network', smallNetwork(false)],
    ['a small network with K', smallNetwork(true)],
    ['a small network with two exits', severalExits(2)],
    ['a small network with three exits', severalExits(3)],
    ['LeNet', createNetwork('lenet', [28, 28, 1], 10)],
    ['LeNet with three exits', createNetwork('lenet', [28, 28, 1], 10, { attach: 'conv1,conv2,fc1' })],
    ['LeNet with K', createNetwork('lenet', [28, 28, 1], 10, { inputScale: true })],
    ['LeNet on small colour images', createNetwork('lenet', [20, 24, 3], 7)],
    ['LeNet as XNOR-Net', createNetwork('lenet', [28, 28, 1], 10, { norm: 'before', activation: 'none' })],
    [
      'LeNet, learned shifts and scales, K',
      createNetwork('lenet', [28, 28, 1], 10, {
        norm: 'after',
        signShift: true,
        activation: 'rprelu',
        filterScale: 'learned',
        inputScale: true,
      }),
    ],
    ['LeNet, hard tanh', createNetwork('lenet', [28, 28, 1], 10, { norm: 'before', activation: 'hardtanh' })],
    [
      'ResNet18 as ReActNet',
      createNetwork('resnet18', [20, 20, 3], 10, {
        width: 0.1,
        norm: 'after',
        signShift: true,
        activation: 'rprelu',
        downsample: 'float',
      }),
    ],
    [
      'ResNet18, block shortcuts, binary downsampling',
      createNetwork('resnet18', [18, 18, 3], 10, {
        width: 0.1,
        shortcuts: 'block',
        downsample: 'binary',
        activation: 'hardtanh',
        filterScale: 'learned',
      }),
    ],
    [
      'ResNet50, float downsampling',
      createNetwork('resnet50', [16, 16, 3], 10, {
        width: 0.06,
        norm: 'after',
        activation: 'relu',
        downsample: 'float',
      }),
    ],
    ['what graphs of other networks contain, before a float exit', graphLayers],
    ['hard-swish in the shared layers', SWISH],
    ...HOSTILE,
    ...UNITS,
    ...TINY_ZOO,
    ...DEEP,
    ['AlexNet on long images', createNetwork('alexnet', [72, 67, 3], 10, { width: 0.1 })],
    [
      'AlexNet, three binary layers',
      createNetwork('alexnet', [32, 32, 3], 10, { width: 0.1, branch: { conv: 2, fc: 1 } }),
    ],
    ['ResNet18 with K', createNetwork('resnet18', [20, 20, 3], 10, { width: 0.1, inputScale: true })],
    ['ResNet18 on wide images', createNetwork('resnet18', [66, 70, 3], 10, { width: 0.1 })],
    ['ResNet18, attached later', createNetwork('resnet18', [20, 20, 3], 10, { width: 0.1, attach: 'layer2-0' })],
    ['ResNet18, two exits', createNetwork('resnet18', [20, 20, 3], 10, { width: 0.1, attach: 'conv1,layer3-0' })],
  ])('%s', async (_, network) => {
    for (let seed = 1; seed <= 3; seed++) await expectLowered(network, seed);
  });

  it('hard-swish is part of the convolution before it, and a kernel of its own behind a sum', () => {
    const { calls } = lowerBranch(SWISH, parameters(SWISH, 1));
    expect(calls.map(({ kernel }) => kernel).filter((kernel) => kernel.includes('hard_swish'))).toEqual([
      'conv2d_hard_swish_f32',
      'depthwise_conv2d_hard_swish_f32',
      'conv2d_hard_swish_f32',
      'hard_swish_f32',
    ]);
  });

  it('any network', async () => {
    await fc.assert(fc.asyncProperty(anyNetwork, fc.integer(), expectLowered), { numRuns: 200, seed: 20201204 });
  });
});
