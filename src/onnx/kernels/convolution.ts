import { backend_util } from '@tensorflow/tfjs-core';
import type { Graph } from '../graph.js';
import { nchw, plain, type Value } from '../value.js';
import type { Attributes, KernelTable, TracedKernel } from './kernel.js';

type ConvInfo = backend_util.Conv2DInfo;
type Shape4 = [number, number, number, number];

function convInfo(imageShape: readonly number[], filterShape: readonly number[], attributes: Attributes): ConvInfo {
  const { strides, pad, dilations, dimRoundingMode, dataFormat = 'NHWC' } = attributes;
  if (dataFormat !== 'NHWC') throw new Error(`can only trace convolutions of NHWC images, not of ${dataFormat}`);
  return backend_util.computeConv2DInfo(
    imageShape as Shape4,
    filterShape as Shape4,
    strides,
    dilations ?? 1,
    pad,
    dimRoundingMode,
  );
}

/** Filter [h, w, in, out] in ONNX's order [out, in, h, w]. */
const oihw = (graph: Graph, filter: Value): string =>
  graph.node('Transpose', [plain(graph, filter)], { perm: [3, 2, 0, 1] });

const pads = ({ padInfo }: ConvInfo): number[] => [padInfo.top, padInfo.left, padInfo.bottom, padInfo.right];

const conv2d: TracedKernel = (graph, { x, filter }, attributes) => {
  const info = convInfo(x.shape, filter.shape, attributes);
  const name = graph.node('Conv', [nchw(graph, x), oihw(graph, filter)], {
    kernel_shape: [info.filterHeight, info.filterWidth],
    strides: [info.strideHeight, info.strideWidth],
    dilations: [info.dilationHeight, info.dilationWidth],
    pads: pads(info),
  });
  return { shape: info.outShape, dtype: 'float32', nchw: name };
};

/**
 * Gradient with respect to the image. At stride 1 it is a convolution with the filters turned by 180 degrees, which
 * ONNX Runtime does 10-20 % faster than a ConvTranspose.
 */
const conv2dBackpropInput: TracedKernel = (graph, { dy, filter }, attributes) => {
  const info = convInfo(attributes.inputShape, filter.shape, attributes);
  const { filterHeight, filterWidth, strideHeight, strideWidth, padInfo } = info;
  const shape = info.inShape;
  if (strideHeight === 1 && strideWidth === 1) {
    const last = [filterHeight - 1, filterWidth - 1];
    const turned = graph.node('Slice', [
      plain(graph, filter),
      graph.integers(last),
      graph.integers(last.map((i) => -i - 2)),
      graph.integers([0, 1]),
      graph.integers([-1, -1]),
    ]);
    const iohw = graph.node('Transpose', [turned], { perm: [2, 3, 0, 1] });
    const name = graph.node('Conv', [nchw(graph, dy), iohw], {
      kernel_shape: [filterHeight, filterWidth],
      pads: [
        filterHeight - 1 - padInfo.top,
        filterWidth - 1 - padInfo.left,
        filterHeight - 1 - padInfo.bottom,
        filterWidth - 1 - padInfo.right,
      ],
    });
    return { shape, dtype: 'float32', nchw: name };
  }
  // Rows and columns that no window reaches get a zero gradient through output_padding.
  const uncovered = (size: number, out: number, stride: number, kernel: number, before: number, after: number) =>
    size + before + after - ((out - 1) * stride + kernel);
  const name = graph.node('ConvTranspose', [nchw(graph, dy), oihw(graph, filter)], {
    kernel_shape: [filterHeight, filterWidth],
    strides: [strideHeight, strideWidth],
    pads: pads(info),
    output_padding: [
      uncovered(info.inHeight, info.outHeight, strideHeight, filterHeight, padInfo.top, padInfo.bottom),
      uncovered(info.inWidth, info.outWidth, strideWidth, filterWidth, padInfo.left, padInfo.right),
    ],
  });
  return { shape, dtype: 'float32', nchw: name };
};

/**
 * Gradient with respect to the filter, as one product: every tap's shifted image, side by side, times dy. Slices and a
 * Gemm are twice as fast in ONNX Runtime as a Conv with swapped axes.
 */
const conv2dBackpropFilter: TracedKernel = (graph, { x, dy }, attributes) => {
  const info = convInfo(x.shape, attributes.filterShape, attributes);
  const { batchSize, inChannels, outChannels, outHeight, outWidth, filterHeight, filterWidth } = info;
  const { strideHeight, strideWidth, padInfo } = info;
  const places = batchSize * outHeight * outWidth;
  const channelsFirst = inChannels <= FEW_CHANNELS;
  // Few channels: [c, n, h, w], so that a slice copies whole rows. Many: [n, h, w, c], where it copies whole pixels.
  let image = channelsFirst ? graph.node('Transpose', [nchw(graph, x)], { perm: [1, 0, 2, 3] }) : plain(graph, x);
  const axes = channelsFirst ? [2, 3] : [1, 2];
  if (padInfo.top + padInfo.bottom + padInfo.left + padInfo.right > 0) {
    const before = [0, 0, 0, 0];
    const after = [0, 0, 0, 0];
    [before[axes[0]], before[axes[1]]] = [padInfo.top, padInfo.left];
    [after[axes[0]], after[axes[1]]] = [padInfo.bottom, padInfo.right];
    image = graph.node('Pad', [image, graph.integers([...before, ...after])]);
  }
  const taps: string[] = [];
  for (let row = 0; row < filterHeight; row++) {
    for (let column = 0; column < filterWidth; column++) {
      const begin = [row, column];
      const end = [row + (outHeight - 1) * strideHeight + 1, column + (outWidth - 1) * strideWidth + 1];
      taps.push(
        graph.node('Slice', [
          image,
          graph.integers(begin),
          graph.integers(end),
          graph.integers(axes),
          graph.integers([strideHeight, strideWidth]),
        ]),
      );
    }
  }
  const patches = graph.node('Concat', taps, { axis: channelsFirst ? 0 : 3 });
  const columns = filterHeight * filterWidth * inChannels;
  const matrix = graph.node('Reshape', [
    patches,
    graph.integers(channelsFirst ? [columns, places] : [places, columns]),
  ]);
  const errors = graph.node('Reshape', [plain(graph, dy), graph.integers([places, outChannels])]);
  const product = graph.node('Gemm', [matrix, errors], { transA: Number(!channelsFirst) });
  return {
    shape: attributes.filterShape,
    dtype: 'float32',
    plain: graph.node('Reshape', [product, graph.integers(attributes.filterShape)]),
  };
};

const FEW_CHANNELS = 4;

export const convolutionKernels: KernelTable = {
  Conv2D: conv2d,
  Conv2DBackpropInput: conv2dBackpropInput,
  Conv2DBackpropFilter: conv2dBackpropFilter,
};
