// The full network in TensorFlow.js's wasm backend; bundled for the page.

import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import type { JointNetwork } from '../../src/network/layers.js';
import { createNetwork } from '../../src/network/zoo/index.js';
import { forward } from '../../src/train/forward.js';
import { initialState } from '../../src/train/initial-state.js';

/** One run on random values, and the answer read back. */
export async function fullRun(name: string, input: JointNetwork['input'], classes: number): Promise<() => unknown> {
  setWasmPaths('/tfjs-wasm/');
  await tf.setBackend('wasm');
  // The smallest branch that a joint network can have.
  const network: JointNetwork = {
    ...createNetwork(name, input, classes),
    branch: [{ type: 'global-average-pool' }, { type: 'dense', name: 'answer', units: classes }],
  };
  const parameters: tf.NamedTensorMap = {};
  for (const [parameter, { values, shape }] of Object.entries(initialState(network, 'momentum', 1))) {
    parameters[parameter] = tf.tensor(values, [...shape]);
  }
  const images: tf.Tensor = tf.randomUniform([1, ...input]);
  return () => {
    const logits = tf.tidy(() => forward(network, parameters, images, () => false).full);
    const values = logits.dataSync();
    logits.dispose();
    return values;
  };
}
