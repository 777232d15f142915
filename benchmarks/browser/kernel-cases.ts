import { createGraph } from '../../src/onnx/graph.js';

/** How the page creates an argument: random floats, bits, prepared binary weights, levels, or prepared weights in 8 bits. */
export type BenchArgument =
  | number
  | null
  | { readonly floats: number }
  | { readonly bits: number }
  | { readonly weights: readonly number[] }
  | { readonly levels: number }
  | { readonly weights8: readonly number[] };

/** One kernel on one shape, and the same layer as a float ONNX model. */
export interface KernelCase {
  readonly title: string;
  readonly kernel: string;
  readonly args: readonly BenchArgument[];
  readonly peer: { readonly model: Uint8Array; readonly shape: readonly number[] };
  /** Multiplications, or their binary equivalents. */
  readonly operations: number;
  /** The minimum ratio we want. */
  readonly goal: number;
}

interface Conv {
  readonly size: number;
  readonly channels: number;
  readonly filters: number;
  readonly kernel: number;
  readonly stride?: number;
  readonly pad: number;
}

const zeros = (length: number) => Float32Array.from({ length }, (_, i) => ((i * 37) % 101) / 101 - 0.5);

function convModel({ size, channels, filters, kernel, stride = 1, pad }: Conv): KernelCase['peer'] {
  const shape = [1, channels, size, size];
  const graph = createGraph();
  const x = graph.input('x', 'float32', shape);
  const w = graph.floats(zeros(filters * channels * kernel ** 2), [filters, channels, kernel, kernel]);
  const attributes = { kernel_shape: [kernel, kernel], strides: [stride, stride], pads: [pad, pad, pad, pad] };
  const out = outputSize({ size, channels, filters, kernel, stride, pad });
  graph.output('y', graph.node('Conv', [x, w, graph.floats(zeros(filters), [filters])], attributes), 'float32', [
    1,
    filters,
    out,
    out,
  ]);
  return { model: graph.encode('conv'), shape };
}

const outputSize = ({ size, kernel, stride = 1, pad }: Conv): number =>
  Math.floor((size + 2 * pad - kernel) / stride) + 1;

const geometry = (conv: Conv): number[] => {
  const { size, channels, filters, kernel, stride = 1, pad } = conv;
  const out = outputSize(conv);
  return [size, size, channels, filters, kernel, stride, pad, pad, out, out];
};

const describe = ({ size, channels, filters, kernel, stride = 1 }: Conv): string =>
  `${kernel}x${kernel}${stride > 1 ? ` stride ${stride}` : ''}, ${channels} to ${filters} @ ${size}x${size}`;

function binaryConv(conv: Conv, goal: number): KernelCase {
  const { size, channels, filters, kernel, pad } = conv;
  const [bytes, out] = [Math.ceil(channels / 8), outputSize(conv)];
  const vectors = [filters, filters, filters].map((floats) => ({ floats }));
  return {
    title: `binary ${describe(conv)}`,
    kernel: 'binary_conv2d',
    args: [
      { bits: size * size * bytes },
      { weights: [filters, kernel ** 2, channels] },
      null,
      ...vectors,
      null,
      { floats: out * out * filters },
      { bits: bytes + 2 * bytes * (size + 2 * pad) ** 2 },
      ...geometry(conv),
    ],
    peer: convModel(conv),
    operations: out * out * filters * kernel ** 2 * channels,
    goal,
  };
}

function floatConv(conv: Conv, goal: number): KernelCase {
  const { size, channels, filters, kernel } = conv;
  const out = outputSize(conv);
  return {
    title: `conv1 ${describe(conv)}`,
    kernel: 'conv2d_f32',
    args: [
      { floats: size * size * channels },
      { floats: kernel ** 2 * channels * filters },
      { floats: filters },
      null,
      null,
      null,
      null,
      { floats: out * out * filters },
      ...geometry(conv),
    ],
    peer: convModel(conv),
    operations: out * out * filters * kernel ** 2 * channels,
    goal,
  };
}

function binaryDense(inputs: number, units: number, goal: number): KernelCase {
  const graph = createGraph();
  const x = graph.input('x', 'float32', [1, inputs]);
  const w = graph.floats(zeros(inputs * units), [inputs, units]);
  graph.output('y', graph.node('Gemm', [x, w, graph.floats(zeros(units), [units])]), 'float32', [1, units]);
  const bytes = Math.ceil(inputs / 8);
  const vectors = [units, units, units, units].map((floats) => ({ floats }));
  return {
    title: `binary dense ${inputs} to ${units}`,
    kernel: 'binary_dense',
    args: [{ bits: bytes }, { weights: [units, inputs] }, null, ...vectors, inputs, units],
    peer: { model: graph.encode('dense'), shape: [1, inputs] },
    operations: inputs * units,
    goal,
  };
}

const same = (channels: number, size: number): Conv => ({ size, channels, filters: channels, kernel: 3, pad: 1 });

export const KERNEL_CASES: readonly KernelCase[] = [
  binaryConv(same(64, 32), 14),
  binaryConv(same(128, 16), 14),
  binaryConv(same(256, 8), 14),
  binaryConv(same(256, 14), 14),
  binaryConv(same(512, 4), 14),
  binaryDense(4096, 4096, 20),
  floatConv({ size: 28, channels: 1, filters: 20, kernel: 5, pad: 0 }, 1),
  floatConv({ size: 32, channels: 3, filters: 64, kernel: 3, pad: 1 }, 1),
  floatConv({ size: 224, channels: 3, filters: 64, kernel: 7, stride: 2, pad: 3 }, 1),
  floatConv({ size: 224, channels: 3, filters: 64, kernel: 11, stride: 4, pad: 2 }, 1),
];
