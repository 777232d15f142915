/** Values of a tensor that travels to the edge. Half-precision values are the bits of each. */
export type Values = Float32Array | Uint16Array | Uint8Array;

/** What the tail may take, by the name that the Open Inference Protocol has for it. */
export const DATATYPES = {
  FP32: { bytes: 4, onnx: 'float32', array: Float32Array },
  FP16: { bytes: 2, onnx: 'float16', array: Uint16Array },
  UINT8: { bytes: 1, onnx: 'uint8', array: Uint8Array },
} as const;

export type Datatype = keyof typeof DATATYPES;
