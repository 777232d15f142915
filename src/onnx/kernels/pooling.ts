import { backend_util } from '@tensorflow/tfjs-core';
import type { Graph } from '../graph.js';
import { ELEMENT_CODES, nchw, scalar, sizeOf, type Value } from '../value.js';
import type { Attributes, KernelTable, TracedKernel } from './kernel.js';

function poolInfo(x: Value, { filterSize, strides, pad }: Attributes): backend_util.Conv2DInfo {
  return backend_util.computePool2DInfo(x.shape as [number, number, number, number], filterSize, strides, 1, pad);
}

/** The pool's node. The gradient gets the same node, because equal nodes are shared. */
function maxPoolNode(graph: Graph, x: Value, info: backend_util.Conv2DInfo): string {
  const { padInfo } = info;
  return graph.node('MaxPool', [nchw(graph, x)], {
    kernel_shape: [info.filterHeight, info.filterWidth],
    strides: [info.strideHeight, info.strideWidth],
    pads: [padInfo.top, padInfo.left, padInfo.bottom, padInfo.right],
  });
}

const maxPool: TracedKernel = (graph, { x }, attributes) => {
  const info = poolInfo(x, attributes);
  return { shape: info.outShape, dtype: 'float32', nchw: maxPoolNode(graph, x, info) };
};

/** The error goes to the window's first maximum, whose index is the pool node's second output. */
const maxPoolGrad: TracedKernel = (graph, { dy, input }, attributes) => {
  const info = poolInfo(input, attributes);
  if (graph.target === 'gpu') return maxPoolGradByComparison(graph, dy, input, info);
  const indices = graph.furtherOutput(maxPoolNode(graph, input, info), 1);
  const [n, h, w, c] = input.shape;
  const nchwShape = graph.integers([n, c, h, w]);
  const overlap = info.strideHeight < info.filterHeight || info.strideWidth < info.filterWidth;
  if (!overlap && info.padInfo.type === 'VALID') {
    const name = graph.node('MaxUnpool', [nchw(graph, dy), indices, nchwShape], {
      kernel_shape: [info.filterHeight, info.filterWidth],
      strides: [info.strideHeight, info.strideWidth],
    });
    return { shape: input.shape, dtype: 'float32', nchw: name };
  }
  // If windows overlap, a pixel can be the maximum of several windows. Their errors add up.
  const flat = (name: string) => graph.node('Reshape', [name, graph.integers([-1])]);
  const zeros = graph.node('Expand', [scalar(graph, 0, 'float32'), graph.integers([sizeOf(input.shape)])]);
  const sums = graph.node('ScatterElements', [zeros, flat(indices), flat(nchw(graph, dy))], { reduction: 'add' });
  return { shape: input.shape, dtype: 'float32', nchw: graph.node('Reshape', [sums, nchwShape]) };
};

/**
 * The same without the pool's second output, which GPU providers lack. Each tap of the window, row by row, gets the error
 * if it equals the maximum and no earlier tap did.
 */
function maxPoolGradByComparison(graph: Graph, dy: Value, input: Value, info: backend_util.Conv2DInfo): Value {
  const { filterHeight, filterWidth, strideHeight, strideWidth, outHeight, outWidth, padInfo } = info;
  const [n, h, w, c] = input.shape;
  const maximum = maxPoolNode(graph, input, info);
  // The padded image, extended to the end of the last stride's cell.
  const height = Math.max(h + padInfo.top + padInfo.bottom, outHeight * strideHeight + filterHeight - 1);
  const width = Math.max(w + padInfo.left + padInfo.right, outWidth * strideWidth + filterWidth - 1);
  const around = [0, 0, padInfo.top, padInfo.left, 0, 0, height - h - padInfo.top, width - w - padInfo.left];
  const padded = graph.node('Pad', [nchw(graph, input), graph.integers(around), scalar(graph, LOWEST, 'float32')]);
  const cells = graph.integers([n * c * outHeight, 1, outWidth, 1]);
  const spread = graph.integers([n, c, outHeight * strideHeight, outWidth * strideWidth]);
  let open = scalar(graph, 1, 'float32');
  let sum: string | undefined;
  for (let tap = 0; tap < filterHeight * filterWidth; tap++) {
    const [row, column] = [Math.floor(tap / filterWidth), tap % filterWidth];
    const seen = graph.node('Slice', [
      padded,
      graph.integers([row, column]),
      graph.integers([row + (outHeight - 1) * strideHeight + 1, column + (outWidth - 1) * strideWidth + 1]),
      graph.integers([2, 3]),
      graph.integers([strideHeight, strideWidth]),
    ]);
    const equal = graph.node('Cast', [graph.node('Equal', [seen, maximum])], { to: ELEMENT_CODES.float32 });
    const first = graph.node('Mul', [equal, open]);
    open = graph.node('Sub', [open, first]);
    // Puts each error at the upper left of its stride's cell, then shifts all cells to the tap.
    const error = graph.node('Reshape', [graph.node('Mul', [nchw(graph, dy), first]), cells]);
    const inCell = graph.node('Pad', [error, graph.integers([0, 0, 0, 0, 0, strideHeight - 1, 0, strideWidth - 1])]);
    const [below, right] = [height - row - outHeight * strideHeight, width - column - outWidth * strideWidth];
    const placed = graph.node('Pad', [
      graph.node('Reshape', [inCell, spread]),
      graph.integers([0, 0, row, column, 0, 0, below, right]),
    ]);
    sum = sum === undefined ? placed : graph.node('Add', [sum, placed]);
  }
  const [from, to] = [
    [padInfo.top, padInfo.left],
    [padInfo.top + h, padInfo.left + w],
  ].map((corner) => graph.integers(corner));
  const name = graph.node('Slice', [sum!, from, to, graph.integers([2, 3])]);
  return { shape: input.shape, dtype: 'float32', nchw: name };
}

/** The most negative float: padding that is never a maximum. */
const LOWEST = -3.4028234663852886e38;

export const poolingKernels: KernelTable = { MaxPool: maxPool, MaxPoolGrad: maxPoolGrad };
