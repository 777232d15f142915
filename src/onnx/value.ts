import type { Graph } from './graph.js';

/**
 * A traced tensor. tfjs knows its shape and dtype (NHWC). In the ONNX graph it has one or two names: `plain` in tfjs's
 * layout, `nchw` (images only) in ONNX's. A missing name is created with a transpose when an operator first needs it, so
 * chains of elementwise operators stay in the convolution's layout. A tensor with equal elements is stored as that number,
 * because gradients of means and sums contain many of them.
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

/** tfjs's axis for each axis of an image in ONNX's layout. */
export const NHWC_TO_NCHW: readonly number[] = [0, 3, 1, 2];
const NCHW_TO_NHWC = [0, 2, 3, 1];

/** The value's name in tfjs's layout. */
export function plain(graph: Graph, value: Value): string {
  value.plain ??=
    value.nchw !== undefined
      ? graph.node('Transpose', [value.nchw], { perm: NCHW_TO_NHWC })
      : graph.node('Expand', [scalar(graph, value.uniform!, value.dtype), graph.integers(value.shape)]);
  return value.plain;
}

/** The name of an image tensor [n, h, w, c] in the layout [n, c, h, w]. */
export function nchw(graph: Graph, value: Value): string {
  if (value.nchw !== undefined) return value.nchw;
  const [n, h, w, c] = value.shape;
  // With one channel or one pixel, both layouts have the same bytes.
  value.nchw =
    c === 1 || (h === 1 && w === 1)
      ? graph.node('Reshape', [plain(graph, value), graph.integers([n, c, h, w])])
      : graph.node('Transpose', [plain(graph, value)], { perm: NHWC_TO_NCHW });
  return value.nchw;
}

/** Whether the value is available only in NCHW. */
export const isNchw = (value: Value): boolean => value.nchw !== undefined && value.plain === undefined;

/** A constant without dimensions. */
export function scalar(graph: Graph, number: number, dtype: Value['dtype']): string {
  const constant = graph.floats(Float32Array.of(number), []);
  return dtype === 'float32' ? constant : graph.node('Cast', [constant], { to: ELEMENT_CODES[dtype] });
}

/** ONNX's codes of element types, for `Cast`. */
export const ELEMENT_CODES: Record<Value['dtype'], number> = { float32: 1, int32: 6, bool: 9 };
