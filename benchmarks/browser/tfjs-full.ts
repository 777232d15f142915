// The full network in TensorFlow.js's backends `wasm` and `webgl`; bundled for the page.

import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import '@tensorflow/tfjs-backend-webgl';
import * as tf from '@tensorflow/tfjs-core';
import type { JointNetwork } from '../../src/network/layers.js';
import { createNetwork } from '../../src/network/zoo/index.js';
import { forward } from '../../src/train/forward.js';
import { initialState } from '../../src/train/initial-state.js';

/** One run on random values, including reading the answer back. `before` selects TensorFlow.js's backend. */
export async function fullRun(
  backend: 'wasm' | 'webgl',
  name: string,
  input: JointNetwork['input'],
  classes: number,
): Promise<(() => unknown) & { before(): Promise<void> }> {
  setWasmPaths('/tfjs-wasm/');
  const before = async () => {
    if (!(await tf.setBackend(backend))) throw new Error(`no backend ${backend} in this page`);
  };
  await before();
  // The smallest branch that a joint network supports.
  const network: JointNetwork = {
    ...createNetwork(name, input, classes),
    branch: [{ type: 'global-average-pool' }, { type: 'dense', name: 'answer', units: classes }],
  };
  const parameters: tf.NamedTensorMap = {};
  for (const [parameter, { values, shape }] of Object.entries(initialState(network, 'momentum', 1))) {
    parameters[parameter] = tf.tensor(values, [...shape]);
  }
  const images: tf.Tensor = tf.randomUniform([1, ...input]);
  const run = () => {
    const logits = tf.tidy(() => forward(network, parameters, images, () => false).full);
    const values = logits.dataSync();
    logits.dispose();
    return values;
  };
  return Object.assign(run, { before });
}
