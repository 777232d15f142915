import type { Graph } from './graph.js';

/**
 * A traced tensor. tfjs sees shape and dtype (NHWC); ONNX has it under one or two names: `plain` in tfjs's own order,
 * `nchw` (images only) in ONNX's. A missing name is made by a transpose when an operator first wants it, so chains of
 * elementwise operators stay in the order that the convolution left. A tensor whose elements are all equal is kept as
 * that number: gradients of means and sums are full of them.
 */
export interface Value {
  readonly shape: readonly number[];
  readonly dtype: 'float32' | 'int32' | 'bool';
  readonly uniform?: number;
  plain?: string;
  nchw?: string;
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

export const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((size, i) => size === b[i]);

/** Which of tfjs's axes stands where in ONNX's order of an image. */
export const NHWC_TO_NCHW: readonly number[] = [0, 3, 1, 2];
const NCHW_TO_NHWC = [0, 2, 3, 1];

/** The value's name in tfjs's order. */
export function plain(graph: Graph, value: Value): string {
  value.plain ??=
    value.nchw !== undefined
      ? graph.node('Transpose', [value.nchw], { perm: NCHW_TO_NHWC })
      : graph.node('Expand', [scalar(graph, value.uniform!, value.dtype), graph.integers(value.shape)]);
  return value.plain;
}

/** The name of an image tensor [n, h, w, c] in the order [n, c, h, w]. */
export function nchw(graph: Graph, value: Value): string {
  if (value.nchw !== undefined) return value.nchw;
  const [n, h, w, c] = value.shape;
  // Where one of the two orders has nothing to move, the bytes are the same.
  value.nchw =
    c === 1 || (h === 1 && w === 1)
      ? graph.node('Reshape', [plain(graph, value), graph.integers([n, c, h, w])])
      : graph.node('Transpose', [plain(graph, value)], { perm: NHWC_TO_NCHW });
  return value.nchw;
}

/** True where the value is at hand in NCHW order alone. */
export const isNchw = (value: Value): boolean => value.nchw !== undefined && value.plain === undefined;

/** A constant without dimensions. */
export function scalar(graph: Graph, number: number, dtype: Value['dtype']): string {
  const constant = graph.floats(Float32Array.of(number), []);
  return dtype === 'float32' ? constant : graph.node('Cast', [constant], { to: ELEMENT_CODES[dtype] });
}

/** ONNX's numbers of the types that `Cast` takes. */
export const ELEMENT_CODES: Record<Value['dtype'], number> = { float32: 1, int32: 6, bool: 9 };
