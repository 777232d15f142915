import * as tf from '@tensorflow/tfjs-core';
import type { NamedArrays } from '../../base/tensors.js';
import type { Engine } from './engine.js';

/** An engine that runs functions directly, operation by operation, on a registered tfjs backend. */
export function createEagerEngine(name: string, backend: string): Engine {
  let state: tf.NamedTensorMap = {};
  const activate = (): void => {
    if (!tf.setBackend(backend)) throw new Error(`the tfjs backend ${backend} did not start`);
  };
  const clear = (): void => {
    tf.dispose(Object.values(state));
    state = {};
  };

  return {
    name,
    setState(arrays) {
      activate();
      clear();
      for (const [key, { shape, values }] of Object.entries(arrays)) {
        state[key] = tf.keep(tf.tensor(values.slice(), [...shape], 'float32'));
      }
    },
    async getState() {
      const arrays: NamedArrays = {};
      for (const [key, tensor] of Object.entries(state)) {
        arrays[key] = { shape: tensor.shape, values: (await tensor.data<'float32'>()).slice() };
      }
      return arrays;
    },
    async compile(fn, uses, inputShapes) {
      return async (inputs) => {
        activate();
        const results = tf.tidy(() => {
          const given = Object.fromEntries(
            Object.entries(inputs).map(([key, values]) => [key, tf.tensor(values, [...inputShapes[key]], 'float32')]),
          );
          const used = Object.fromEntries(uses.map((key) => [key, state[key]]));
          const kept = new Set(Object.values(used));
          const returned = Object.entries(fn({ ...used, ...given }));
          // A state tensor that is returned unchanged must not be freed after the step. Neither must one that is
          // returned under two names.
          const own = (x: tf.Tensor): tf.Tensor => {
            if (kept.has(x)) return tf.clone(x);
            kept.add(x);
            return x;
          };
          return Object.fromEntries(returned.map(([key, x]) => [key, own(x)]));
        });
        const observed: Record<string, Float32Array> = {};
        for (const [key, tensor] of Object.entries(results)) {
          if (key in state) {
            state[key].dispose();
            state[key] = tf.keep(tensor);
          } else {
            observed[key] = (await tensor.data<'float32'>()).slice();
            tensor.dispose();
          }
        }
        return observed;
      };
    },
    async release() {},
    async dispose() {
      clear();
    },
  };
}
