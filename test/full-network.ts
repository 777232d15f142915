import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { fullLogits } from '../src/train/forward.js';
import { SIZE, tinyModel } from './tiny-bundle.js';

/** Logits of the tiny bundle's whole network in tfjs, for levels of any number of images. @param exits as the bundle has them */
export async function fullNetworkLogits(levels: Uint8Array, exits: 1 | 3 = 1): Promise<Float32Array> {
  await tf.setBackend('cpu');
  const { network, state } = tinyModel(exits === 1 ? 'conv1' : 'conv1,conv2,fc1');
  return tf.tidy(() => {
    const parameters = Object.fromEntries(
      Object.entries(state).map(([name, { shape, values }]) => [name, tf.tensor(values, [...shape])]),
    );
    const images = Float32Array.from(levels, (level) => (level / 255 - 0.5) / 0.25);
    return fullLogits(network, parameters, tf.tensor4d(images, [levels.length / SIZE ** 2, SIZE, SIZE, 1])).dataSync();
  }) as Float32Array;
}
