import { backend_util } from '@tensorflow/tfjs-core';
import type { Graph } from '../graph.js';
import { nchw, plain, type Value } from '../value.js';
import type { Attributes, KernelTable, TracedKernel } from './kernel.js';

type ConvInfo = backend_util.Conv2DInfo;
type Shape4 = [number, number, number, number];

function convInfo(
  imageShape: readonly number[],
  filterShape: readonly number[],
  attributes: Attributes,
  depthwise = false,
): ConvInfo {
  const { strides, pad, dilations, dimRoundingMode, dataFormat = 'NHWC' } = attributes;
  if (dataFormat !== 'NHWC') throw new Error(`can only trace convolutions of NHWC images, not of ${dataFormat}`);
  return backend_util.computeConv2DInfo(
    imageShape as Shape4,
    filterShape as Shape4,
    strides,
    dilations ?? 1,
    pad,
    dimRoundingMode,
    depthwise,
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
  return { shape, dtype: 'float32', nchw: transposedConv(graph, nchw(graph, dy), oihw(graph, filter), info) };
};

/** Rows and columns that no window reaches get a zero gradient through output_padding. */
function transposedConv(graph: Graph, dy: string, filter: string, info: ConvInfo, group = 1): string {
  const { filterHeight, filterWidth, strideHeight, strideWidth, padInfo } = info;
  const uncovered = (size: number, out: number, stride: number, kernel: number, before: number, after: number) =>
    size + before + after - ((out - 1) * stride + kernel);
  return graph.node('ConvTranspose', [dy, filter], {
    kernel_shape: [filterHeight, filterWidth],
    strides: [strideHeight, strideWidth],
    pads: pads(info),
    output_padding: [
      uncovered(info.inHeight, info.outHeight, strideHeight, filterHeight, padInfo.top, padInfo.bottom),
      uncovered(info.inWidth, info.outWidth, strideWidth, filterWidth, padInfo.left, padInfo.right),
    ],
    group,
  });
}

/**
 * Gradient with respect to the filter, as one product: every tap's shifted image, side by side, times dy. Slices and a
 * Gemm are twice as fast in ONNX Runtime as a Conv with swapped axes.
 */
const conv2dBackpropFilter: TracedKernel = (graph, { x, dy }, attributes) => {
  const info = convInfo(x.shape, attributes.filterShape, attributes);
  const { batchSize, inChannels, outChannels, outHeight, outWidth, filterHeight, filterWidth } = info;
  const places = batchSize * outHeight * outWidth;
  const channelsFirst = inChannels <= FEW_CHANNELS;
  // Few channels: [c, n, h, w], so that a slice copies whole rows. Many: [n, h, w, c], where it copies whole pixels.
  const image = channelsFirst ? graph.node('Transpose', [nchw(graph, x)], { perm: [1, 0, 2, 3] }) : plain(graph, x);
  const axes: [number, number] = channelsFirst ? [2, 3] : [1, 2];
  const taps = shiftedImages(graph, image, axes, info);
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

/** What each tap of the filter sees, row by row: the image, padded, from that tap on at the stride. */
function shiftedImages(graph: Graph, image: string, axes: readonly [number, number], info: ConvInfo): string[] {
  const { padInfo, filterHeight, filterWidth, outHeight, outWidth, strideHeight, strideWidth } = info;
  const before = [0, 0, 0, 0];
  const after = [0, 0, 0, 0];
  [before[axes[0]], before[axes[1]]] = [padInfo.top, padInfo.left];
  [after[axes[0]], after[axes[1]]] = [padInfo.bottom, padInfo.right];
  const isPadded = [...before, ...after].some((size) => size > 0);
  const padded = isPadded ? graph.node('Pad', [image, graph.integers([...before, ...after])]) : image;
  return Array.from({ length: filterHeight * filterWidth }, (_, tap) => {
    const [row, column] = [Math.floor(tap / filterWidth), tap % filterWidth];
    const end = [row + (outHeight - 1) * strideHeight + 1, column + (outWidth - 1) * strideWidth + 1];
    const [begins, ends, steps] = [[row, column], end, [strideHeight, strideWidth]].map((v) => graph.integers(v));
    return graph.node('Slice', [padded, begins, ends, graph.integers(axes), steps]);
  });
}

/** Filter [h, w, channels, 1] in ONNX's order for a group per channel, [channels, 1, h, w]. */
function perChannel(graph: Graph, filter: Value): string {
  if (filter.shape[3] !== 1) throw new Error('can only trace depthwise convolutions with one filter per channel');
  return graph.node('Transpose', [plain(graph, filter)], { perm: [2, 3, 0, 1] });
}

const depthwiseConv2d: TracedKernel = (graph, { x, filter }, attributes) => {
  const info = convInfo(x.shape, filter.shape, attributes, true);
  const name = graph.node('Conv', [nchw(graph, x), perChannel(graph, filter)], {
    kernel_shape: [info.filterHeight, info.filterWidth],
    strides: [info.strideHeight, info.strideWidth],
    pads: pads(info),
    group: info.inChannels,
  });
  return { shape: info.outShape, dtype: 'float32', nchw: name };
};

const depthwiseConv2dBackpropInput: TracedKernel = (graph, { dy, filter }, attributes) => {
  const info = convInfo(attributes.inputShape, filter.shape, attributes, true);
  const name = transposedConv(graph, nchw(graph, dy), perChannel(graph, filter), info, info.inChannels);
  return { shape: info.inShape, dtype: 'float32', nchw: name };
};

const depthwiseConv2dBackpropFilter: TracedKernel = (graph, { x, dy }, attributes) => {
  const info = convInfo(x.shape, attributes.filterShape, attributes, true);
  const errors = nchw(graph, dy);
  const sums = shiftedImages(graph, nchw(graph, x), [2, 3], info).map((tap) =>
    graph.node('ReduceSum', [graph.node('Mul', [tap, errors]), graph.integers([0, 2, 3])]),
  );
  const stacked = graph.node('Concat', sums, { axis: 0 });
  const shape = attributes.filterShape as Shape4;
  return { shape, dtype: 'float32', plain: graph.node('Reshape', [stacked, graph.integers(shape)]) };
};

export const convolutionKernels: KernelTable = {
  Conv2D: conv2d,
  Conv2DBackpropInput: conv2dBackpropInput,
  Conv2DBackpropFilter: conv2dBackpropFilter,
  DepthwiseConv2dNative: depthwiseConv2d,
  DepthwiseConv2dNativeBackpropInput: depthwiseConv2dBackpropInput,
  DepthwiseConv2dNativeBackpropFilter: depthwiseConv2dBackpropFilter,
};
