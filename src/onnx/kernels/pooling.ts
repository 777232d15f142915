import { backend_util } from '@tensorflow/tfjs-core';
import type { Graph } from '../graph.js';
import { nchw, scalar, sizeOf, type Value } from '../value.js';
import type { Attributes, KernelTable, TracedKernel } from './kernel.js';

function poolInfo(x: Value, { filterSize, strides, pad }: Attributes): backend_util.Conv2DInfo {
  return backend_util.computePool2DInfo(x.shape as [number, number, number, number], filterSize, strides, 1, pad);
}

/** The same node for the pool and its gradient: equal nodes are shared. */
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

/** The error goes to the place of the window's first maximum, which the pool node's second output names. */
const maxPoolGrad: TracedKernel = (graph, { dy, input }, attributes) => {
  const info = poolInfo(input, attributes);
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
  // Where windows overlap, a place can be the maximum of several: their errors add up.
  const flat = (name: string) => graph.node('Reshape', [name, graph.integers([-1])]);
  const zeros = graph.node('Expand', [scalar(graph, 0, 'float32'), graph.integers([sizeOf(input.shape)])]);
  const sums = graph.node('ScatterElements', [zeros, flat(indices), flat(nchw(graph, dy))], { reduction: 'add' });
  return { shape: input.shape, dtype: 'float32', nchw: graph.node('Reshape', [sums, nchwShape]) };
};

export const poolingKernels: KernelTable = { MaxPool: maxPool, MaxPoolGrad: maxPoolGrad };
