import { availableParallelism } from 'node:os';
import * as ort from '../base/onnxruntime.js';
import type { NamedArrays } from '../base/tensors.js';
import { type FrozenLayers, frozenParts } from '../network/head.js';
import type { JointNetwork } from '../network/layers.js';
import { frozenModel } from './float-model.js';

/**
 * The frozen layers of a network in ONNX Runtime on all processors. Their weights are constants, so that normalisation
 * and activations are merged into the convolutions: twice as fast as the trainer's own forward pass.
 */
export async function openFrozenLayers(network: JointNetwork, state: NamedArrays, fineTune = 0): Promise<FrozenLayers> {
  const session = await ort.InferenceSession.create(frozenModel(network, state, fineTune), {
    executionProviders: ['cpu'],
    intraOpNumThreads: availableParallelism(),
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
    enableMemPattern: false,
  });
  const names = frozenParts(network, fineTune).map(({ name }) => name);
  return {
    async compute(images, count) {
      const x = new ort.Tensor('float32', images, [count, ...network.input]);
      const found = await session.run({ images: x });
      return Object.fromEntries(names.map((name) => [name, found[name].data as Float32Array]));
    },
    close: () => session.release(),
  };
}
