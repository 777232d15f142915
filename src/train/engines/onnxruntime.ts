import { availableParallelism } from 'node:os';
import * as ort from 'onnxruntime-node';
import type { NamedArrays } from '../../base/tensors.js';
import { trace } from '../../onnx/trace.js';
import type { Engine } from './engine.js';

interface StateTensor {
  readonly shape: readonly number[];
  /** Read by the next run. */
  current: ort.Tensor;
  /** Written by the next run, then swapped: no step allocates parameters, so memory stays flat. */
  spare: ort.Tensor;
}

/** Default engine: a function is traced once to ONNX and run natively by ONNX Runtime on all cores. */
export function createOnnxruntimeEngine(threads = availableParallelism()): Engine {
  const state = new Map<string, StateTensor>();
  const sessions: ort.InferenceSession[] = [];

  return {
    name: 'onnxruntime',
    setState(arrays) {
      state.clear();
      for (const [name, { shape, values }] of Object.entries(arrays)) {
        const current = new ort.Tensor('float32', values.slice(), shape);
        state.set(name, { shape, current, spare: new ort.Tensor('float32', new Float32Array(values.length), shape) });
      }
    },
    async getState() {
      const arrays: NamedArrays = {};
      for (const [name, { shape, current }] of state) {
        arrays[name] = { shape, values: (current.data as Float32Array).slice() };
      }
      return arrays;
    },
    async compile(fn, uses, inputShapes) {
      const stateShapes = Object.fromEntries(uses.map((name) => [name, state.get(name)!.shape]));
      const model = trace(fn, { ...stateShapes, ...inputShapes });
      const session = await ort.InferenceSession.create(model.bytes, {
        executionProviders: ['cpu'],
        intraOpNumThreads: threads,
        graphOptimizationLevel: 'all',
        logSeverityLevel: 3,
      });
      sessions.push(session);
      const needed = new Set(session.inputNames);
      const outputs = Object.keys(model.outputs);

      return async (inputs) => {
        const feeds: Record<string, ort.Tensor> = {};
        for (const name of uses) if (needed.has(`in:${name}`)) feeds[`in:${name}`] = state.get(name)!.current;
        for (const [name, values] of Object.entries(inputs)) {
          if (needed.has(`in:${name}`)) feeds[`in:${name}`] = new ort.Tensor('float32', values, inputShapes[name]);
        }
        const fetches = Object.fromEntries(outputs.map((name) => [`out:${name}`, state.get(name)?.spare ?? null]));
        const results = await session.run(feeds, fetches);
        const observed: Record<string, Float32Array> = {};
        for (const name of outputs) {
          const held = state.get(name);
          if (held) [held.current, held.spare] = [held.spare, held.current];
          else observed[name] = results[`out:${name}`].data as Float32Array;
        }
        return observed;
      };
    },
    async dispose() {
      await Promise.all(sessions.map((session) => session.release()));
      state.clear();
    },
  };
}
