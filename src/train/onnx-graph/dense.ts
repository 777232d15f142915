import type { NamedArray } from '../../base/tensors.js';
import type { Operator } from './context.js';
import { denseLayer } from './convolution.js';
import { extended, type Place } from './place.js';

export const gemm: Operator = (context, x) => {
  const { observed, node } = context;
  if (context.whole('transA', 0) !== 0) throw context.refuse('features as the first factor', 'their transpose');
  const weight = observed.floats(node.input![1]);
  if (!weight) throw context.refuse('weights that the file stores', 'computed ones');
  const [alpha, beta] = [context.float('alpha', 1), context.float('beta', 1)];
  const kernel = scaled(context.whole('transB', 0) === 1 ? transposed(weight) : weight, alpha);
  const bias = observed.floats(node.input![2]);
  if (node.input![2] && !bias) throw context.refuse('a bias that the file stores', 'a computed one');
  const layer = denseLayer(context, inOurOrder(kernel, x), bias && scaled(flat(bias), beta));
  return extended(x, context.output, [layer], { flattened: undefined });
};

export const matMul: Operator = (context, x) => {
  const { observed, node } = context;
  const weight = observed.floats(node.input![1]);
  if (weight?.shape.length !== 2) throw context.refuse('a product with stored weights of two axes', 'another one');
  const dims = observed.dims(node.input![0]);
  if (dims.length !== 2 || x.shape.length !== 1) {
    throw context.refuse('features [batch, inputs]', `shape [${dims.join(', ')}]`);
  }
  return extended(x, context.output, [denseLayer(context, inOurOrder(weight, x), undefined)], {
    flattened: undefined,
  });
};

/** Rows of a kernel [inputs, units] in the order in which we flatten an image: height, width, channels. */
function inOurOrder(kernel: NamedArray, { flattened }: Place): NamedArray {
  if (!flattened) return kernel;
  const [height, width, channels] = flattened;
  const [inputs, units] = kernel.shape;
  const values = new Float32Array(kernel.values.length);
  for (let input = 0; input < inputs; input++) {
    const from = (input % channels) * height * width + Math.floor(input / channels);
    values.set(kernel.values.subarray(from * units, (from + 1) * units), input * units);
  }
  return { shape: kernel.shape, values };
}

const flat = ({ values }: NamedArray): NamedArray => ({ shape: [values.length], values });

const scaled = (array: NamedArray, factor: number): NamedArray =>
  factor === 1 ? array : { shape: array.shape, values: array.values.map((value) => value * factor) };

function transposed({ shape: [rows, columns], values }: NamedArray): NamedArray {
  const turned = values.map((_, i) => values[(i % rows) * columns + Math.floor(i / rows)]);
  return { shape: [columns, rows], values: turned };
}
