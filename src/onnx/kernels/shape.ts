import { slice_util, type Tensor, util } from '@tensorflow/tfjs-core';
import { plain, sameShape, scalar, sizeOf, type Value } from '../value.js';
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
  return { shape, dtype: x.dtype, plain: graph.node('Tile', [plain(graph, x), graph.integers(reps)]) };
};

const pad: TracedKernel = (graph, { x }, attributes) => {
  const paddings = attributes.paddings as [number, number][];
  const begins = paddings.map(([before]) => before);
  const ends = paddings.map(([, after]) => after);
  const fill = scalar(graph, attributes.constantValue, x.dtype);
  return {
    shape: x.shape.map((size, axis) => begins[axis] + size + ends[axis]),
    dtype: x.dtype,
    plain: graph.node('Pad', [plain(graph, x), graph.integers([...begins, ...ends]), fill]),
  };
};

const slice: TracedKernel = (graph, { x }, attributes) => {
  const [begin, shape] = slice_util.parseSliceParams(
    { shape: [...x.shape] } as Tensor,
    attributes.begin,
    attributes.size,
  );
  if (x.uniform !== undefined) return { ...x, shape };
  const ends = begin.map((from, axis) => from + shape[axis]);
  const axes = begin.map((_, axis) => axis);
  return {
    shape,
    dtype: x.dtype,
    plain: graph.node('Slice', [plain(graph, x), graph.integers(begin), graph.integers(ends), graph.integers(axes)]),
  };
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
