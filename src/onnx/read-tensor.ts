import onnxProto from 'onnx-proto';
import { UserError } from '../base/errors.js';
import { type FloatType, floatsOf } from '../base/safetensors.js';
import type { NamedArray } from '../base/tensors.js';
import type { OnnxTensor } from './read-model.js';

const { DataType } = onnxProto.onnx.TensorProto;

/** Floating-point element types of ONNX, with their names in safetensors. */
const FLOAT_TYPES: Readonly<Record<number, FloatType>> = {
  [DataType.FLOAT]: 'F32',
  [DataType.FLOAT16]: 'F16',
  [DataType.DOUBLE]: 'F64',
  16: 'BF16',
};

/** Float values of a tensor. All lengths are checked before anything is allocated. @throws UserError if it has none */
export function readFloats(
  { name, dims, dataType, rawData, floatData, doubleData }: OnnxTensor,
  path: string,
): NamedArray {
  const wrong = (found: string) => new UserError(`${path}: expected floating-point numbers in ${name}, found ${found}`);
  const type = FLOAT_TYPES[dataType ?? 0];
  if (!type) throw wrong(`element type ${dataType}; export the network without quantisation`);
  const shape = (dims ?? []).map(Number);
  const count = shape.reduce((product, size) => product * size, 1);
  if (rawData?.length || count === 0) {
    const values = floatsOf(type, rawData ?? new Uint8Array());
    if (values?.length !== count) throw wrong(`${rawData?.length ?? 0} bytes for shape [${shape}]`);
    return { shape, values };
  }
  const listed = type === 'F64' ? doubleData : floatData;
  if (type !== 'F32' && type !== 'F64') {
    throw wrong(`${type} numbers that are not in rawData; export the file again with a current exporter`);
  }
  if (listed?.length !== count) throw wrong(`${listed?.length ?? 0} numbers for shape [${shape}]`);
  return { shape, values: Float32Array.from(listed) };
}

/** Whether a tensor holds floating-point numbers. */
export const isFloat = ({ dataType }: OnnxTensor): boolean => dataType! in FLOAT_TYPES;

/** Values of a tensor of whole numbers or truths; undefined for other types. */
export function readIntegers({ dataType, rawData, int64Data, int32Data }: OnnxTensor): number[] | undefined {
  const raw = rawData?.length ? Uint8Array.from(rawData).buffer : undefined;
  switch (dataType) {
    case DataType.INT64:
      return raw ? Array.from(new BigInt64Array(raw), Number) : (int64Data ?? []).map(Number);
    case DataType.INT32:
      return raw ? [...new Int32Array(raw)] : [...(int32Data ?? [])];
    case DataType.BOOL:
    case DataType.UINT8:
      return raw ? [...new Uint8Array(raw)] : [...(int32Data ?? [])];
    default:
      return undefined;
  }
}
