import { availableParallelism } from 'node:os';
import * as ort from '../../base/onnxruntime.js';
import type { NamedArrays } from '../../base/tensors.js';
import { createGraph } from '../../onnx/graph.js';
import { trace } from '../../onnx/trace.js';
import { DEVICES, type DeviceName } from './devices.js';
import type { Engine, EngineFunction } from './engine.js';

interface StateTensor {
  readonly shape: readonly number[];
  /** Input of the next run. */
  current: ort.Tensor;
  /**
   * On the CPU: output of the next run. The two are then swapped, so steps don't allocate parameters and memory use is
   * constant.
   */
  spare?: ort.Tensor;
}

interface OnnxruntimeOptions {
  /** Default `cpu`. Other devices must have been started (`requireDevice`). */
  readonly device?: DeviceName;
  /** Number of CPU threads. Default: all cores. */
  readonly threads?: number;
}

/** Default engine: traces a function once to ONNX, which ONNX Runtime runs natively on all CPU cores or on a GPU. */
export function createOnnxruntimeEngine({
  device: deviceName = 'cpu',
  threads = availableParallelism(),
}: OnnxruntimeOptions = {}): Engine {
  const device = DEVICES[deviceName];
  const state = new Map<string, StateTensor>();
  const sessions: ort.InferenceSession[] = [];
  const sessionOf = new Map<EngineFunction, ort.InferenceSession>();

  const createSession = async (model: Uint8Array, onDevice: readonly string[]): Promise<ort.InferenceSession> => {
    const session = await ort.InferenceSession.create(model, {
      ...device.session,
      intraOpNumThreads: threads,
      graphOptimizationLevel: 'all',
      logSeverityLevel: 3,
      // Planning memory as one block would add it to what the first run allocated: a third more memory, and no faster.
      enableMemPattern: false,
      preferredOutputLocation: Object.fromEntries(onDevice.map((name) => [name, 'gpu-buffer'])),
    });
    sessions.push(session);
    return session;
  };

  /** Copies the state to the device or back, with a model whose outputs equal its inputs. */
  const copyState = async (to: 'device' | 'host'): Promise<Map<string, ort.Tensor>> => {
    const graph = createGraph(device.target);
    for (const [name, { shape }] of state) {
      graph.output(`out:${name}`, graph.input(`in:${name}`, 'float32', shape), 'float32', shape);
    }
    const outputs = [...state.keys()].map((name) => `out:${name}`);
    const session = await createSession(graph.encode('copy'), to === 'device' ? outputs : []);
    const copies = await session.run(
      Object.fromEntries([...state].map(([name, { current }]) => [`in:${name}`, current])),
    );
    return new Map([...state.keys()].map((name) => [name, copies[`out:${name}`]]));
  };

  const moveStateToDevice = async (): Promise<void> => {
    if (!device.keepsState || [...state.values()].every(isOnDevice)) return;
    for (const [name, tensor] of await copyState('device')) state.get(name)!.current = tensor;
  };
  const clear = (): void => {
    for (const { current } of state.values()) current.dispose();
    state.clear();
  };

  return {
    name: 'onnxruntime',
    setState(arrays) {
      clear();
      for (const [name, { shape, values }] of Object.entries(arrays)) {
        state.set(name, { shape, current: new ort.Tensor('float32', values.slice(), shape) });
      }
    },
    async getState() {
      const copies = [...state.values()].some(isOnDevice) ? await copyState('host') : undefined;
      const arrays: NamedArrays = {};
      for (const [name, { shape, current }] of state) {
        arrays[name] = { shape, values: ((copies?.get(name) ?? current).data as Float32Array).slice() };
      }
      return arrays;
    },
    async compile(fn, uses, inputShapes) {
      const stateShapes = Object.fromEntries(uses.map((name) => [name, state.get(name)!.shape]));
      const model = trace(fn, { ...stateShapes, ...inputShapes }, device.target);
      const outputs = Object.keys(model.outputs);
      const kept = device.keepsState ? outputs.filter((name) => state.has(name)) : [];
      const session = await createSession(
        model.bytes,
        kept.map((name) => `out:${name}`),
      );
      const needed = new Set(session.inputNames);

      const compiled: EngineFunction = async (inputs) => {
        await moveStateToDevice();
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
          const result = results[`out:${name}`];
          if (held) replace(held, result);
          else observed[name] = result.data as Float32Array;
        }
        return observed;
      };
      sessionOf.set(compiled, session);
      return compiled;
    },
    async release(compiled) {
      const session = sessionOf.get(compiled);
      // State on a device is in the memory of the session that created it.
      if (!session || device.keepsState) return;
      sessionOf.delete(compiled);
      sessions.splice(sessions.indexOf(session), 1);
      await session.release();
    },
    async dispose() {
      clear();
      await Promise.all(sessions.map((session) => session.release()));
    },
  };
}

const isOnDevice = ({ current }: StateTensor): boolean => current.location !== 'cpu';

/**
 * Makes a run's output the state. The old tensor is kept for the next run's output, or freed if it is on the device.
 */
function replace(held: StateTensor, result: ort.Tensor): void {
  if (isOnDevice(held)) held.current.dispose();
  else held.spare = held.current;
  held.current = result;
}
