import type { NamedArrays } from '../../base/tensors.js';
import type { InputShapes, TensorFunction } from '../../onnx/trace.js';

/** A compiled function. Outputs named as a state tensor replace it; the others are returned. */
export type EngineFunction = (inputs: Readonly<Record<string, Float32Array>>) => Promise<Record<string, Float32Array>>;

/**
 * Where training is computed. An engine holds the state (parameters and optimiser slots) and runs functions on it that
 * are written once, in tfjs operations.
 */
export interface Engine {
  readonly name: string;
  /** Replaces the whole state. Arrays are copied. */
  setState(state: NamedArrays): void;
  /** A copy of the whole state. */
  getState(): Promise<NamedArrays>;
  /** Prepares a function of the state tensors named in `uses` and of inputs with the given shapes. */
  compile(fn: TensorFunction, uses: readonly string[], inputs: InputShapes): Promise<EngineFunction>;
  /** Frees what a compiled function holds; it is not called again. The state stays. */
  release(compiled: EngineFunction): Promise<void>;
  dispose(): Promise<void>;
}
