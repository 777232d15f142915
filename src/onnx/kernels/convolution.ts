import { backend_util } from '@tensorflow/tfjs-core';
import type { Graph } from '../graph.js';
import { nchw, plain, scalar, type Value } from '../value.js';
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

const reshape = (graph: Graph, name: string, shape: readonly number[]): string =>
  graph.node('Reshape', [name, graph.integers(shape)]);

/**
 * Filter [h, w, in, out] in ONNX's order [out, in, h, w]. Two transposes that move one axis each are several times faster
 * in ONNX Runtime than one transpose that moves all axes.
 */
function oihw(graph: Graph, filter: Value): string {
  const [h, w, input, output] = filter.shape;
  const rows = graph.node('Transpose', [reshape(graph, plain(graph, filter), [h * w * input, output])], {
    perm: [1, 0],
  });
  const turned = graph.node('Transpose', [reshape(graph, rows, [output, h * w, input])], { perm: [0, 2, 1] });
  return reshape(graph, turned, [output, input, h, w]);
}

/** Filter rotated by 180 degrees, as [h * w, in, out]: rows and columns are one axis, which is reversed. */
function turnedTaps(graph: Graph, filter: Value): string {
  const [h, w, input, output] = filter.shape;
  const taps = reshape(graph, plain(graph, filter), [h * w, input, output]);
  if (h * w === 1) return taps;
  const [from, to, axes, steps] = [[h * w - 1], [-h * w - 1], [0], [-1]].map((one) => graph.integers(one));
  return graph.node('Slice', [taps, from, to, axes, steps]);
}

const pads = ({ padInfo }: ConvInfo): number[] => [padInfo.top, padInfo.left, padInfo.bottom, padInfo.right];

const conv2d: TracedKernel = (graph, { x, filter }, attributes) => {
  const info = convInfo(x.shape, filter.shape, attributes);
  if (worksAsProduct(graph, info)) {
    const { filterHeight, filterWidth, inChannels, outChannels } = info;
    const matrix = reshape(graph, plain(graph, filter), [filterHeight * filterWidth * inChannels, outChannels]);
    return productWithPatches(graph, x, matrix, info);
  }
  const name = graph.node('Conv', [nchw(graph, x), oihw(graph, filter)], {
    kernel_shape: [info.filterHeight, info.filterWidth],
    strides: [info.strideHeight, info.strideWidth],
    dilations: [info.dilationHeight, info.dilationWidth],
    pads: pads(info),
  });
  return { shape: info.outShape, dtype: 'float32', nchw: name };
};

/**
 * Gradient with respect to the image. At stride 1 it is a convolution with the filters rotated by 180 degrees, which is
 * 10-20 % faster in ONNX Runtime than ConvTranspose.
 */
const conv2dBackpropInput: TracedKernel = (graph, { dy, filter }, attributes) => {
  const info = convInfo(attributes.inputShape, filter.shape, attributes);
  const { filterHeight, filterWidth, inChannels, outChannels } = info;
  const shape = info.inShape;
  if (isConvolutionBackwards(info)) {
    const taps = turnedTaps(graph, filter);
    const backward = transposedInfo(info);
    if (worksAsProduct(graph, backward)) {
      const matrix = reshape(graph, graph.node('Transpose', [taps], { perm: [0, 2, 1] }), [
        filterHeight * filterWidth * outChannels,
        inChannels,
      ]);
      return productWithPatches(graph, dy, matrix, backward);
    }
    const rows = reshape(graph, taps, [filterHeight * filterWidth, inChannels * outChannels]);
    const iohw = reshape(graph, graph.node('Transpose', [rows], { perm: [1, 0] }), [
      inChannels,
      outChannels,
      filterHeight,
      filterWidth,
    ]);
    return { shape, dtype: 'float32', nchw: graph.node('Conv', [nchw(graph, dy), iohw], backwards(info)) };
  }
  return { shape, dtype: 'float32', nchw: transposedConv(graph, nchw(graph, dy), oihw(graph, filter), info) };
};

/** Whether the gradient with respect to the image is a convolution, too. More padding than the kernel reaches would be negative. */
function isConvolutionBackwards(info: ConvInfo): boolean {
  const { filterHeight, filterWidth, strideHeight, strideWidth } = info;
  const isReached = pads(info).every((pixels, i) => pixels < [filterHeight, filterWidth][i % 2]);
  return strideHeight === 1 && strideWidth === 1 && isReached;
}

/** Attributes of that convolution. */
function backwards({ filterHeight, filterWidth, padInfo }: ConvInfo) {
  return {
    kernel_shape: [filterHeight, filterWidth],
    pads: [
      filterHeight - 1 - padInfo.top,
      filterWidth - 1 - padInfo.left,
      filterHeight - 1 - padInfo.bottom,
      filterWidth - 1 - padInfo.right,
    ],
  };
}

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
 * Gradient with respect to the filter, as one product: the errors of every filter, times the input patches of all output
 * pixels. The errors are turned, and then the product, because both are much smaller than the patches. Turned as
 * matrices they would be fused into `Gemm` again, which is slower with a turned operand.
 */
const conv2dBackpropFilter: TracedKernel = (graph, { x, dy }, attributes) => {
  const info = convInfo(x.shape, attributes.filterShape, attributes);
  const { batchSize, inChannels, outChannels, outHeight, outWidth, filterHeight, filterWidth } = info;
  const { filterShape: shape } = attributes;
  const pixelsOfImage = outHeight * outWidth;
  const pixels = batchSize * pixelsOfImage;
  const taps = filterHeight * filterWidth;
  if (inChannels > FEW_CHANNELS) {
    const errors = reshape(graph, plain(graph, dy), [batchSize, pixelsOfImage, outChannels]);
    const byFilter = graph.node('Transpose', [errors], { perm: [2, 0, 1] });
    const product = graph.node('Gemm', [reshape(graph, byFilter, [outChannels, pixels]), patches(graph, x, info)]);
    const filters = reshape(graph, product, [outChannels, taps, inChannels]);
    const turned = graph.node('Transpose', [filters], { perm: [1, 2, 0] });
    return { shape, dtype: 'float32', plain: reshape(graph, turned, shape) };
  }
  // Too few channels to copy pixel by pixel: whole rows of every tap's shifted image [c, n, h, w] instead.
  const image = graph.node('Transpose', [nchw(graph, x)], { perm: [1, 0, 2, 3] });
  const shifted = graph.node('Concat', shiftedImages(graph, image, info), { axis: 0 });
  const matrix = reshape(graph, shifted, [taps * inChannels, pixels]);
  const product = graph.node('Gemm', [matrix, reshape(graph, plain(graph, dy), [pixels, outChannels])]);
  return { shape, dtype: 'float32', plain: reshape(graph, product, shape) };
};

const FEW_CHANNELS = 4;

/**
 * The input patches of all output pixels, one row each: [pixels, taps * channels] (im2col). One `Gather` with a table of
 * pixel indices, and a zero pixel for padding, copies half as much as concatenated slices.
 */
function patches(graph: Graph, x: Value, info: ConvInfo): string {
  const { batchSize, inHeight, inWidth, inChannels, outHeight, outWidth, filterHeight, filterWidth, padInfo } = info;
  const columns = filterHeight * filterWidth * inChannels;
  const rows = [batchSize * outHeight * outWidth, columns];
  const { strideHeight, strideWidth, dilationHeight, dilationWidth } = info;
  if (filterHeight * filterWidth * strideHeight * strideWidth === 1) return reshape(graph, plain(graph, x), rows);
  const outside = inHeight * inWidth;
  const table: number[] = [];
  for (let pixel = 0; pixel < outHeight * outWidth; pixel++) {
    const top = Math.floor(pixel / outWidth) * strideHeight - padInfo.top;
    const left = (pixel % outWidth) * strideWidth - padInfo.left;
    for (let tap = 0; tap < filterHeight * filterWidth; tap++) {
      const y = top + Math.floor(tap / filterWidth) * dilationHeight;
      const x = left + (tap % filterWidth) * dilationWidth;
      table.push(y >= 0 && y < inHeight && x >= 0 && x < inWidth ? y * inWidth + x : outside);
    }
  }
  let pixels = reshape(graph, plain(graph, x), [batchSize, outside, inChannels]);
  if (table.includes(outside)) {
    const zeros = graph.node('Expand', [scalar(graph, 0, 'float32'), graph.integers([batchSize, 1, inChannels])]);
    pixels = graph.node('Concat', [pixels, zeros], { axis: 1 });
  }
  return reshape(graph, graph.node('Gather', [pixels, graph.integers(table)], { axis: 1 }), rows);
}

/**
 * On small images a convolution is faster as one product over the whole batch: twice as fast at 7x7 pixels. ONNX
 * Runtime's `Conv` multiplies image by image, and few pixels don't fill its tiles. The patches are shared with the
 * filter's gradient.
 */
const worksAsProduct = (graph: Graph, { outHeight, outWidth, inChannels }: ConvInfo): boolean =>
  graph.target === 'cpu' && outHeight * outWidth <= SMALL_IMAGE && inChannels > FEW_CHANNELS;

const SMALL_IMAGE = 100;

function productWithPatches(graph: Graph, x: Value, filter: string, info: ConvInfo): Value {
  const product = graph.node('Gemm', [patches(graph, x, info), filter]);
  return { shape: info.outShape, dtype: 'float32', plain: reshape(graph, product, info.outShape) };
}

/** The stride-1 convolution that propagates errors back to the input, with the rotated filter. */
const transposedInfo = (info: ConvInfo): ConvInfo => ({
  ...info,
  inHeight: info.outHeight,
  inWidth: info.outWidth,
  inChannels: info.outChannels,
  outHeight: info.inHeight,
  outWidth: info.inWidth,
  outChannels: info.inChannels,
  outShape: info.inShape,
  padInfo: {
    ...info.padInfo,
    top: info.filterHeight - 1 - info.padInfo.top,
    left: info.filterWidth - 1 - info.padInfo.left,
  },
});

/** The image [?, ?, h, w] with its padding. */
function padded(graph: Graph, image: string, info: ConvInfo): string {
  const [top, left, bottom, right] = pads(info);
  if (top + left + bottom + right === 0) return image;
  return graph.node('Pad', [image, graph.integers([0, 0, top, left, 0, 0, bottom, right])]);
}

/** The input pixels of each filter tap: the padded image [?, ?, h, w], shifted by the tap, at the stride. */
function shiftedImages(graph: Graph, image: string, info: ConvInfo): string[] {
  const { filterHeight, filterWidth, outHeight, outWidth, strideHeight, strideWidth } = info;
  const whole = padded(graph, image, info);
  return Array.from({ length: filterHeight * filterWidth }, (_, tap) => {
    const [row, column] = [Math.floor(tap / filterWidth), tap % filterWidth];
    const end = [row + (outHeight - 1) * strideHeight + 1, column + (outWidth - 1) * strideWidth + 1];
    const [begins, ends, axes, steps] = [[row, column], end, [2, 3], [strideHeight, strideWidth]].map((v) =>
      graph.integers(v),
    );
    return graph.node('Slice', [whole, begins, ends, axes, steps]);
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
  const { inShape: shape, inChannels: group, filterHeight, filterWidth } = info;
  if (!isConvolutionBackwards(info)) {
    const name = transposedConv(graph, nchw(graph, dy), perChannel(graph, filter), info, group);
    return { shape, dtype: 'float32', nchw: name };
  }
  const taps = reshape(graph, turnedTaps(graph, filter), [filterHeight * filterWidth, group]);
  const turned = reshape(graph, graph.node('Transpose', [taps], { perm: [1, 0] }), [
    group,
    1,
    filterHeight,
    filterWidth,
  ]);
  const name = graph.node('Conv', [nchw(graph, dy), turned], { ...backwards(info), group });
  return { shape, dtype: 'float32', nchw: name };
};

/**
 * Gradient with respect to the filter. For each row of taps, one product per channel multiplies every column of the image
 * with every column of the errors, and sums over images and rows. Its diagonals hold the row's taps. That computes more
 * than is needed, but is several times faster than a product and a sum for each tap, which wait for memory.
 */
const depthwiseConv2dBackpropFilter: TracedKernel = (graph, { x, dy }, attributes) => {
  const info = convInfo(x.shape, attributes.filterShape, attributes, true);
  const { batchSize, inChannels, inWidth, outHeight, outWidth, filterHeight, filterWidth, strideHeight, padInfo } =
    info;
  const byChannel = (value: Value): string => graph.node('Transpose', [nchw(graph, value)], { perm: [1, 0, 2, 3] });
  const width = padInfo.left + inWidth + padInfo.right;
  const rows = batchSize * outHeight;
  const errors = reshape(graph, byChannel(dy), [inChannels, rows, outWidth]);
  const image = padded(graph, byChannel(x), info);
  const taps = Array.from({ length: filterHeight }, (_, row) => {
    const [begin, end, axis, step] = [row, row + (outHeight - 1) * strideHeight + 1, 2, strideHeight];
    const seen = graph.node('Slice', [image, ...[begin, end, axis, step].map((one) => graph.integers([one]))]);
    const columns = graph.node('Transpose', [reshape(graph, seen, [inChannels, rows, width])], { perm: [0, 2, 1] });
    const product = graph.node('MatMul', [columns, errors]);
    return graph.node('MatMul', [
      reshape(graph, product, [inChannels, width * outWidth]),
      diagonals(graph, width, info),
    ]);
  });
  const all = graph.node('Transpose', [graph.node('Concat', taps, { axis: 1 })], { perm: [1, 0] });
  const shape = [filterHeight, filterWidth, inChannels, 1];
  return { shape, dtype: 'float32', plain: reshape(graph, all, shape) };
};

/** A matrix [width * outWidth, filterWidth] that sums, for each tap of a row, the pairs of columns that the tap joins. */
function diagonals(graph: Graph, width: number, { outWidth, filterWidth, strideWidth }: ConvInfo): string {
  const joins = new Float32Array(width * outWidth * filterWidth);
  for (let out = 0; out < outWidth; out++) {
    for (let tap = 0; tap < filterWidth; tap++) {
      joins[((out * strideWidth + tap) * outWidth + out) * filterWidth + tap] = 1;
    }
  }
  return graph.floats(joins, [width * outWidth, filterWidth]);
}

export const convolutionKernels: KernelTable = {
  Conv2D: conv2d,
  Conv2DBackpropInput: conv2dBackpropInput,
  Conv2DBackpropFilter: conv2dBackpropFilter,
  DepthwiseConv2dNative: depthwiseConv2d,
  DepthwiseConv2dNativeBackpropInput: depthwiseConv2dBackpropInput,
  DepthwiseConv2dNativeBackpropFilter: depthwiseConv2dBackpropFilter,
};
