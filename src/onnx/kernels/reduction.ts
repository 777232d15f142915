import { util } from '@tensorflow/tfjs-core';
import type { Graph } from '../graph.js';
import { isNchw, nchw, plain, type Value } from '../value.js';
import type { KernelTable, TracedKernel } from './kernel.js';

/** Index in NCHW of tfjs's axes n, h, w, c. */
const NCHW_AXIS = [0, 2, 3, 1];

type Emit = (graph: Graph, name: string, axes: number[], keepDims: boolean) => string;

function reduction(emit: Emit): TracedKernel {
  return (graph, { x }, { axis, keepDims }) => {
    const axes = util.parseAxisParam(axis ?? x.shape.map((_, i) => i), [...x.shape]);
    const kept = x.shape.map((size, i) => (axes.includes(i) ? 1 : size));
    const shape = keepDims ? kept : x.shape.filter((_, i) => !axes.includes(i));
    if (axes.length === 0) return x;
    // A result in NCHW has tfjs's order if the channel axis is reduced, or if only batch and channels remain.
    const spatialGone = axes.includes(1) && axes.includes(2);
    if (x.shape.length === 4 && isNchw(x) && !keepDims && (axes.includes(3) || spatialGone)) {
      const name = emit(
        graph,
        nchw(graph, x),
        axes.map((i) => NCHW_AXIS[i]),
        false,
      );
      return { shape, dtype: x.dtype, plain: name };
    }
    return { shape, dtype: x.dtype, plain: emit(graph, plain(graph, x), axes, Boolean(keepDims)) };
  };
}

/** Since opset 13 ReduceSum takes its axes as an input; the other reductions still take an attribute. */
const sum: Emit = (graph, name, axes, keepDims) =>
  graph.node('ReduceSum', [name, graph.integers(axes)], { keepdims: Number(keepDims) });

const byAttribute =
  (op: string): Emit =>
  (graph, name, axes, keepDims) =>
    graph.node(op, [name], { axes, keepdims: Number(keepDims) });

const softmax: TracedKernel = (graph, { logits }): Value => ({
  shape: logits.shape,
  dtype: 'float32',
  plain: graph.node('Softmax', [plain(graph, logits)], { axis: -1 }),
});

export const reductionKernels: KernelTable = {
  Sum: reduction(sum),
  Mean: reduction(byAttribute('ReduceMean')),
  Max: (graph, inputs, { reductionIndices, keepDims }) =>
    reduction(byAttribute('ReduceMax'))(graph, inputs, { axis: reductionIndices, keepDims }),
  Softmax: softmax,
};
