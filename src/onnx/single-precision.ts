import onnxProto from 'onnx-proto';
import { fromHalf } from '../base/half.js';

const { onnx } = onnxProto;
const { DataType } = onnx.TensorProto;

/**
 * The model with every half-precision tensor, input and output in single precision, so that its arithmetic can be compared
 * with a single-precision network. Numbers in half precision are exact in single precision.
 */
export function inSinglePrecision(model: onnxProto.onnx.ModelProto): onnxProto.onnx.ModelProto {
  const widened = onnx.ModelProto.decode(onnx.ModelProto.encode(model).finish());
  const { graph } = widened;
  for (const tensor of graph?.initializer ?? []) widen(tensor);
  for (const { type } of [...(graph?.input ?? []), ...(graph?.output ?? []), ...(graph?.valueInfo ?? [])]) {
    if (type?.tensorType?.elemType === DataType.FLOAT16) type.tensorType.elemType = DataType.FLOAT;
  }
  for (const { opType, attribute } of graph?.node ?? []) {
    for (const given of attribute ?? []) {
      if (given.t) widen(given.t);
      if (opType === 'Cast' && given.name === 'to' && Number(given.i) === DataType.FLOAT16) given.i = DataType.FLOAT;
    }
  }
  return widened;
}

function widen(tensor: onnxProto.onnx.ITensorProto): void {
  if (tensor.dataType !== DataType.FLOAT16) return;
  const raw = tensor.rawData;
  // Halves stand in `int32Data` if not in `rawData`.
  const bits = raw?.length ? new Uint16Array(new Uint8Array(raw).buffer) : Uint16Array.from(tensor.int32Data ?? []);
  const values = Float32Array.from(bits, fromHalf);
  tensor.dataType = DataType.FLOAT;
  tensor.int32Data = [];
  tensor.rawData = new Uint8Array(values.buffer);
}
