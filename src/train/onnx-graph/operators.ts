import type { Operator } from './context.js';
import { conv } from './convolution.js';
import { gemm, matMul } from './dense.js';
import { elementwise } from './elementwise.js';
import { averagePooling, globalAveragePooling, globalMaxPool, maxPooling, reduceMean } from './pooling.js';
import { nothing, pad, reshape, transpose } from './shape.js';

/** How an ONNX operator becomes layers. To support another one, write its function and add it here. */
export const OPERATORS: Readonly<Record<string, Operator>> = {
  ...elementwise,
  AveragePool: averagePooling,
  Cast: nothing,
  Conv: conv,
  Dropout: nothing,
  Flatten: reshape,
  Gemm: gemm,
  GlobalAveragePool: globalAveragePooling,
  GlobalMaxPool: globalMaxPool,
  Identity: nothing,
  MatMul: matMul,
  MaxPool: maxPooling,
  Pad: pad,
  ReduceMean: reduceMean,
  Reshape: reshape,
  Squeeze: reshape,
  Transpose: transpose,
  Unsqueeze: reshape,
};

/** Operators whose input may have a padding that waits. */
export const TAKES_PADDING: ReadonlySet<string> = new Set([
  'AveragePool',
  'Cast',
  'Conv',
  'Identity',
  'MaxPool',
  'Pad',
  'Transpose',
]);
