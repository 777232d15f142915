import * as tf from '@tensorflow/tfjs-core';
import { createGraph, type Graph, type Target } from './graph.js';
import { convolutionKernels } from './kernels/convolution.js';
import { elementwiseKernels } from './kernels/elementwise.js';
import type { KernelTable, TracedKernel } from './kernels/kernel.js';
import { matmulKernels } from './kernels/matmul.js';
import { poolingKernels } from './kernels/pooling.js';
import { reductionKernels } from './kernels/reduction.js';
import { shapeKernels } from './kernels/shape.js';
import { plain, type Value } from './value.js';

const BACKEND = 'onnx-trace';

const KERNELS: KernelTable = {
  ...convolutionKernels,
  ...elementwiseKernels,
  ...matmulKernels,
  ...poolingKernels,
  ...reductionKernels,
  ...shapeKernels,
};

/** A tfjs backend that computes nothing. It records the name of every tensor in the traced graph. */
class TraceBackend extends tf.KernelBackend {
  traced: Graph = createGraph();
  private readonly values = new tf.DataStorage<Value>(this, tf.engine());

  traceOf(dataId: tf.DataId): Value {
    return this.values.get(dataId);
  }

  tensorOf(value: Value): tf.TensorInfo {
    const dataId = {};
    this.values.set(dataId, value);
    return { dataId, shape: [...value.shape], dtype: value.dtype };
  }

  override write(data: tf.backend_util.BackendValues | null, shape: number[], dtype: tf.DataType): tf.DataId {
    return this.tensorOf(constantValue(this.traced, data as Float32Array, shape, dtype as Value['dtype'])).dataId;
  }

  override move(dataId: tf.DataId, data: tf.backend_util.BackendValues, shape: number[], dtype: tf.DataType): void {
    this.values.set(dataId, constantValue(this.traced, data as Float32Array, shape, dtype as Value['dtype']));
  }

  override readSync(): never {
    throw new Error('a traced tensor has no values: a traced function must not read them');
  }

  override disposeData(dataId: tf.DataId): boolean {
    this.values.delete(dataId);
    return true;
  }

  override numDataIds = (): number => this.values.numDataIds();
  override refCount = (): number => 1;
  override incRef(): void {}
  override timerAvailable = (): boolean => false;
  override floatPrecision = (): 32 => 32;
  override epsilon = (): number => 1e-7;
}

function constantValue(graph: Graph, data: ArrayLike<number>, shape: number[], dtype: Value['dtype']): Value {
  const values = Float32Array.from(data);
  if (values.length > 0 && values.every((value) => value === values[0])) return { shape, dtype, uniform: values[0] };
  if (dtype !== 'float32') throw new Error(`can only trace constants of float32, not of ${dtype}`);
  return { shape, dtype, plain: graph.floats(values, shape) };
}

function asTfjsKernel(kernel: TracedKernel): tf.KernelFunc {
  return ({ inputs, attrs, backend }) => {
    const tracer = backend as TraceBackend;
    const values = Object.fromEntries(
      Object.entries(inputs).map(([name, tensor]) => [name, tracer.traceOf((tensor as tf.TensorInfo).dataId)]),
    );
    return tracer.tensorOf({ ...kernel(tracer.traced, values, attrs ?? {}) });
  };
}

let registered = false;
function registerOnce(): void {
  if (registered) return;
  registered = true;
  tf.registerBackend(BACKEND, () => new TraceBackend(), 0);
  for (const [kernelName, kernel] of Object.entries(KERNELS)) {
    tf.registerKernel({ kernelName, backendName: BACKEND, kernelFunc: asTfjsKernel(kernel) });
  }
}

/** A function from named tensors to named tensors, built from tfjs operations. */
export type TensorFunction = (inputs: tf.NamedTensorMap) => tf.NamedTensorMap;

/** Shapes of named inputs; all are float32. */
export type InputShapes = Readonly<Record<string, readonly number[]>>;

export interface TracedModel {
  /** The ONNX model (protobuf). Inputs and outputs have the function's names, prefixed with `in:` and `out:`. */
  readonly bytes: Uint8Array;
  readonly outputs: Readonly<Record<string, readonly number[]>>;
  readonly nodes: number;
}

/**
 * Runs a tfjs function once, on tensors without values, and records its operations as an ONNX graph: forward pass, tfjs's
 * gradients, update. Inputs and outputs are in tfjs's layout (NHWC).
 *
 * @param target where the model will run (the gradient of pooling differs)
 * @throws Error if the function uses a tfjs kernel without a traced version; the message names it
 */
export function trace(fn: TensorFunction, inputShapes: InputShapes, target: Target = 'cpu'): TracedModel {
  registerOnce();
  const before = tf.getBackend();
  if (!tf.setBackend(BACKEND)) throw new Error('the trace backend did not start');
  const engine = tf.engine();
  engine.startScope('trace');
  try {
    const backend = tf.backend() as TraceBackend;
    const graph = createGraph(target);
    backend.traced = graph;
    const outputs: Record<string, readonly number[]> = {};
    const inputs = Object.fromEntries(
      Object.entries(inputShapes).map(([name, shape]) => {
        const value: Value = { shape, dtype: 'float32', plain: graph.input(`in:${name}`, 'float32', shape) };
        return [name, engine.makeTensorFromTensorInfo(backend.tensorOf(value))];
      }),
    );
    for (const [name, tensor] of Object.entries(fn(inputs))) {
      graph.output(`out:${name}`, plain(graph, backend.traceOf(tensor.dataId)), 'float32', tensor.shape);
      outputs[name] = tensor.shape;
    }
    return { bytes: graph.encode('step'), outputs, nodes: graph.nodeCount };
  } finally {
    engine.endScope();
    if (before) tf.setBackend(before);
  }
}
