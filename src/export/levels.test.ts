import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { beforeAll, describe, expect, it } from 'vitest';
import { BUILDS, readKernels } from '../../kernels/harness.js';
import { expectEqual, floats } from '../../kernels/test-values.js';
import { randomParameters } from '../../test/small-network.js';
import { random } from '../base/random.js';
import type { NamedArrays } from '../base/tensors.js';
import { jointNetwork } from '../network/branch.js';
import { deployedState } from '../network/deployed.js';
import type { JointNetwork, Layer } from '../network/layers.js';
import { type ActivationRanges, inLevels, levelOutputs } from '../network/levels.js';
import { featuresOf } from '../network/shapes.js';
import { uplinkLayers } from '../network/uplink.js';
import { createNetwork } from '../network/zoo/index.js';
import { forward, observeChain } from '../train/forward.js';
import { floatModel, TAIL_INPUT, TAIL_OUTPUT } from './float-model.js';
import { lowerBranch } from './lower.js';
import { runReference } from './run-reference.js';
import { instantiate } from './run-wasm.js';

const wasm = BUILDS.map((build) => readKernels(build));

beforeAll(async () => {
  await tf.setBackend('cpu');
});

const tensors = (state: NamedArrays): tf.NamedTensorMap =>
  Object.fromEntries(Object.entries(state).map(([name, { shape, values }]) => [name, tf.tensor(values, [...shape])]));

/** The ranges of all activations for one image. */
function rangesOf(network: JointNetwork, state: NamedArrays, image: Float32Array): ActivationRanges {
  const { shared, outputs } = levelOutputs(network);
  const ranges: Record<string, readonly [number, number]> = { image: [Math.min(...image), Math.max(...image)] };
  tf.tidy(() => {
    observeChain(shared, tensors(state), tf.tensor(image, [1, ...network.input]), (placed, y) => {
      const name = outputs.get(placed);
      if (name !== undefined) ranges[name] = [tf.min(y).dataSync()[0], tf.max(y).dataSync()[0]];
    });
  });
  return ranges;
}

/** The output of the shared layers, and what the device sends: that after the pools and ReLUs behind them. */
function sharedOutput(network: JointNetwork, state: NamedArrays, image: Float32Array) {
  return tf.tidy(() => {
    const parameters = tensors(state);
    const { shared } = forward(network, parameters, tf.tensor(image, [1, ...network.input]), () => false);
    const sent = observeChain(uplinkLayers(network), parameters, shared, () => {});
    return [shared, sent].map((x) => x.dataSync<'float32'>().slice());
  });
}

const CASES: readonly (readonly [name: string, side: number, attach: string, width: number])[] = [
  ['tf-efficientnet-lite0', 63, 'stage4-2', 0.12],
  ['efficientnet-lite0', 60, 'stage4-0-project', 0.12],
  ['mobilenet-v1', 66, 'conv6', 0.12],
  ['mobilenet-v2', 66, 'stage3-1', 0.12],
  ['resnet18', 20, 'layer2-0', 0.1],
  ['resnet18', 70, 'conv1', 0.1],
  ['alexnet', 72, 'conv1', 0.1],
  ['vgg16', 32, 'conv2', 0.1],
  ['lenet', 28, 'conv1', 1],
];

describe('shared layers in levels', () => {
  it.each(
    CASES,
  )('of %s at %i pixels, behind %s, agree to the bit in every reader', async (name, side, attach, width) => {
    const form = side > 64 ? 'large' : 'auto';
    const trained = createNetwork(name, [side, side + 3, 3], 5, { attach, width, form, sharedBits: 8 });
    const floatState = deployedState(trained, randomParameters(trained, 3));
    const image = floats(random(4), featuresOf(trained.input));
    const { network, state } = inLevels(trained, floatState, rangesOf(trained, floatState, image));
    expect(network.shared[0].type).toBe('quantise');
    const [truth, sent] = sharedOutput(network, state, image);

    const program = lowerBranch(network, state);
    expect(program.calls.some(({ kernel }) => kernel === 'conv2d_levels')).toBe(true);
    const devices = [runReference(program, image), ...wasm.map((build) => instantiate(program, build).run(image))];
    // The ReLUs before the edge make -0 of what is below 0.
    for (const { shared } of devices)
      expectEqual(
        shared.map((value) => value + 0),
        sent.map((value) => value + 0),
      );

    const session = await InferenceSession.create(floatModel(network, state, ['shared']), { intraOpNumThreads: 1 });
    const feeds = { [TAIL_INPUT]: new Tensor('float32', image, [1, ...network.input]) };
    const { [TAIL_OUTPUT]: inOnnx } = await session.run(feeds);
    await session.release();
    expectEqual(inOnnx.data as Float32Array, truth);

    // And they are close to the float layers.
    const [exact] = sharedOutput(trained, floatState, image);
    const size = Math.sqrt(exact.reduce((sum, value) => sum + value ** 2, 0));
    const error = Math.sqrt(exact.reduce((sum, value, i) => sum + (value - truth[i]) ** 2, 0));
    expect(error / size).toBeLessThan(0.15);
  });

  it('end before a hard-swish, which is computed in float with what follows', () => {
    const layers: Layer[] = [
      { type: 'conv2d', name: 'conv1', filters: 10, kernel: 3, stride: 2, padding: 1, bias: false },
      { type: 'batch-norm', name: 'bn1' },
      { type: 'hard-swish' },
      { type: 'conv2d', name: 'conv2', filters: 9, kernel: 1 },
      { type: 'relu' },
      { type: 'conv2d', name: 'conv3', filters: 7, kernel: 3 },
      { type: 'global-average-pool' },
      { type: 'dense', name: 'fc', units: 4 },
    ];
    const trained = jointNetwork('hard-swish', [20, 23, 3], 4, layers, { attach: 'conv2', sharedBits: 8 });
    const floatState = deployedState(trained, randomParameters(trained, 3));
    const image = floats(random(4), featuresOf(trained.input));
    const { network, state } = inLevels(trained, floatState, rangesOf(trained, floatState, image));
    expect(network.shared.map(({ type }) => type)).toEqual(['quantise', 'level-conv2d', 'hard-swish', 'conv2d']);
    const [, sent] = sharedOutput(network, state, image);
    const program = lowerBranch(network, state);
    const devices = [runReference(program, image), ...wasm.map((build) => instantiate(program, build).run(image))];
    for (const { shared } of devices)
      shared.forEach((value, i) => {
        expect(value).toBeCloseTo(sent[i], 4);
      });
  });

  it('are those up to the first layer without levels; without ranges the network stays as it is', () => {
    const network = createNetwork('vgg16', [32, 32, 3], 5, { attach: 'conv3', width: 0.1, sharedBits: 8 });
    const state = deployedState(network, randomParameters(network, 3));
    expect(inLevels(network, state, undefined)).toEqual({ network, state });
    expect([...levelOutputs(network).outputs.values()]).toEqual(['shared.conv1', 'shared.conv2']);
  });
});
