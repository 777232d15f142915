import onnxProto from 'onnx-proto';
import { fromHalf } from '../base/half.js';

const { onnx } = onnxProto;
const { DataType } = onnx.TensorProto;
/** Is missing in the package's list. */
const BFLOAT16 = 16;
const OTHER_PRECISIONS: ReadonlySet<number> = new Set([DataType.FLOAT16, BFLOAT16, DataType.DOUBLE]);

/**
 * The model with every tensor, input and output of another precision in single precision, so that its arithmetic can be
 * compared with a single-precision network. Numbers in half precision and bfloat16 are exact in single precision.
 */
export function inSinglePrecision(model: onnxProto.onnx.ModelProto): onnxProto.onnx.ModelProto {
  const widened = onnx.ModelProto.decode(onnx.ModelProto.encode(model).finish());
  const { graph } = widened;
  for (const tensor of graph?.initializer ?? []) widen(tensor);
  for (const { type } of [...(graph?.input ?? []), ...(graph?.output ?? []), ...(graph?.valueInfo ?? [])]) {
    if (OTHER_PRECISIONS.has(type?.tensorType?.elemType ?? 0)) type!.tensorType!.elemType = DataType.FLOAT;
  }
  for (const { opType, attribute } of graph?.node ?? []) {
    for (const given of attribute ?? []) {
      if (given.t) widen(given.t);
      if (opType === 'Cast' && given.name === 'to' && OTHER_PRECISIONS.has(Number(given.i))) given.i = DataType.FLOAT;
    }
  }
  return widened;
}

function widen(tensor: onnxProto.onnx.ITensorProto): void {
  if (!OTHER_PRECISIONS.has(tensor.dataType!)) return;
  const values = valuesOf(tensor);
  tensor.dataType = DataType.FLOAT;
  tensor.int32Data = [];
  tensor.doubleData = [];
  tensor.rawData = new Uint8Array(values.buffer);
}

function valuesOf({ dataType, rawData, int32Data, doubleData }: onnxProto.onnx.ITensorProto): Float32Array {
  const raw = rawData?.length ? new Uint8Array(rawData).buffer : undefined;
  if (dataType === DataType.DOUBLE) return Float32Array.from(raw ? new Float64Array(raw) : (doubleData ?? []));
  // Halves stand in `int32Data` if not in `rawData`.
  const bits = raw ? new Uint16Array(raw) : Uint16Array.from(int32Data ?? []);
  if (dataType === DataType.FLOAT16) return Float32Array.from(bits, fromHalf);
  return new Float32Array(Uint32Array.from(bits, (half) => half << 16).buffer);
}
