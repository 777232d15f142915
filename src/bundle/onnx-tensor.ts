import { Tensor } from 'onnxruntime-node';
import { DATATYPES, type Datatype, type Values } from './datatypes.js';

/**
 * What travels, as ONNX Runtime takes it. Where there is a Float16Array (Node 24), a Tensor makes one of halves, which ONNX
 * Runtime's native part reads as nothing: it is given the values as they are.
 */
export function onnxTensor(values: Values, datatype: Datatype, dims: readonly number[]): Tensor {
  return Object.create(new Tensor(DATATYPES[datatype].onnx, values, dims), { data: { value: values } });
}
