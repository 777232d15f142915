/** Values of a tensor that is sent to the edge. Half-precision values are stored as their bits. */
export type Values = Float32Array | Uint16Array | Uint8Array;

/** Datatypes that a tail may read, by their name in the Open Inference Protocol. */
export const DATATYPES = {
  FP32: { bytes: 4, onnx: 'float32', array: Float32Array },
  FP16: { bytes: 2, onnx: 'float16', array: Uint16Array },
  UINT8: { bytes: 1, onnx: 'uint8', array: Uint8Array },
} as const;

export type Datatype = keyof typeof DATATYPES;
