import type { NamedArrays } from '../../base/tensors.js';
import type { InputShapes, TensorFunction } from '../../onnx/trace.js';

/** A compiled function. An output with the name of a state tensor replaces that tensor; the others are returned. */
export type EngineFunction = (inputs: Readonly<Record<string, Float32Array>>) => Promise<Record<string, Float32Array>>;

/**
 * Computes training. An engine holds the state (parameters and optimiser slots), and runs functions on it. The
 * functions are written once, in tfjs operations.
 */
export interface Engine {
  readonly name: string;
  /** Replaces the whole state. Arrays are copied. */
  setState(state: NamedArrays): void;
  /** A copy of the whole state. */
  getState(): Promise<NamedArrays>;
  /** Compiles a function of the state tensors named in `uses`, and of inputs with the given shapes. */
  compile(fn: TensorFunction, uses: readonly string[], inputs: InputShapes): Promise<EngineFunction>;
  /** Frees the memory of a compiled function, which must not be called again. The state is kept. */
  release(compiled: EngineFunction): Promise<void>;
  dispose(): Promise<void>;
}
