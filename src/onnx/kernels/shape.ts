import { slice_util, type Tensor, util } from '@tensorflow/tfjs-core';
import type { Graph } from '../graph.js';
import { isNchw, NHWC_TO_NCHW, nchw, plain, sameShape, scalar, sizeOf, type Value } from '../value.js';
import type { KernelTable, TracedKernel } from './kernel.js';

const reshape: TracedKernel = (graph, { x }, attributes) => {
  const shape = util.inferFromImplicitShape([...attributes.shape], sizeOf(x.shape));
  if (sameShape(shape, x.shape)) return x;
  if (x.uniform !== undefined) return { ...x, shape };
  return { shape, dtype: x.dtype, plain: graph.node('Reshape', [plain(graph, x), graph.integers(shape)]) };
};

const transpose: TracedKernel = (graph, { x }, { perm }) => ({
  shape: (perm as number[]).map((axis) => x.shape[axis]),
  dtype: x.dtype,
  plain: graph.node('Transpose', [plain(graph, x)], { perm }),
});

const tile: TracedKernel = (graph, { x }, { reps }) => {
  const shape = x.shape.map((size, axis) => size * reps[axis]);
  if (x.uniform !== undefined) return { ...x, shape };
  return inOwnAxisOrder(graph, x, shape, (name, axes) =>
    graph.node('Tile', [name, graph.integers(axes.map((axis) => reps[axis]))]),
  );
};

const pad: TracedKernel = (graph, { x }, attributes) => {
  const paddings = attributes.paddings as [number, number][];
  const shape = x.shape.map((size, axis) => paddings[axis][0] + size + paddings[axis][1]);
  const fill = scalar(graph, attributes.constantValue, x.dtype);
  return inOwnAxisOrder(graph, x, shape, (name, axes) => {
    const inOrder = axes.map((axis) => paddings[axis]);
    const amounts = [...inOrder.map(([before]) => before), ...inOrder.map(([, after]) => after)];
    return graph.node('Pad', [name, graph.integers(amounts), fill]);
  });
};

/** Applies an operator in the layout of its input. @param apply receives tfjs's axis for each axis of that layout */
function inOwnAxisOrder(
  graph: Graph,
  x: Value,
  shape: readonly number[],
  apply: (name: string, axes: readonly number[]) => string,
): Value {
  const { dtype } = x;
  if (isNchw(x)) return { shape, dtype, nchw: apply(nchw(graph, x), NHWC_TO_NCHW) };
  return {
    shape,
    dtype,
    plain: apply(
      plain(graph, x),
      shape.map((_, axis) => axis),
    ),
  };
}

const slice: TracedKernel = (graph, { x }, attributes) => {
  const [begin, shape] = slice_util.parseSliceParams(
    { shape: [...x.shape] } as Tensor,
    attributes.begin,
    attributes.size,
  );
  if (x.uniform !== undefined) return { ...x, shape };
  if (sameShape(shape, x.shape)) return x;
  return inOwnAxisOrder(graph, x, shape, (name, order) => {
    // Only the axes that become shorter.
    const cut = order.map((axis, index) => ({ axis, index })).filter(({ axis }) => shape[axis] < x.shape[axis]);
    const begins = cut.map(({ axis }) => begin[axis]);
    const ends = cut.map(({ axis }) => begin[axis] + shape[axis]);
    return graph.node('Slice', [name, ...[begins, ends, cut.map(({ index }) => index)].map(graph.integers)]);
  });
};

const likeWith =
  (uniform: number): TracedKernel =>
  (_graph, { x }): Value => ({ shape: x.shape, dtype: x.dtype, uniform });

export const shapeKernels: KernelTable = {
  Identity: (_graph, { x }) => ({ ...x }),
  Reshape: reshape,
  ExpandDims: (graph, { input }, { dim }) => {
    const axis = dim < 0 ? input.shape.length + dim + 1 : dim;
    const shape = [...input.shape.slice(0, axis), 1, ...input.shape.slice(axis)];
    return reshape(graph, { x: input }, { shape });
  },
  Transpose: transpose,
  Tile: tile,
  PadV2: pad,
  Slice: slice,
  OnesLike: likeWith(1),
  ZerosLike: likeWith(0),
  Fill: (_graph, _inputs, { shape, value, dtype }) => ({
    shape,
    dtype: dtype ?? 'float32',
    uniform: Math.fround(value),
  }),
};
