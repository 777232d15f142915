import { Tensor } from '../base/onnxruntime.js';
import { DATATYPES, type Datatype, type Values } from './datatypes.js';

/**
 * The tensor that ONNX Runtime reads for values that were sent. On Node 24, which has Float16Array, the Tensor class converts
 * half-precision values to one, and ONNX Runtime's native part can't read it: so `data` stays the given array.
 */
export function onnxTensor(values: Values, datatype: Datatype, dims: readonly number[]): Tensor {
  return Object.create(new Tensor(DATATYPES[datatype].onnx, values, dims), { data: { value: values } });
}
