import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import onnxProto from 'onnx-proto';
import { afterAll, describe, expect, it } from 'vitest';
import { floats } from '../../../kernels/test-values.js';
import { InferenceSession, Tensor } from '../../base/onnxruntime.js';
import { random } from '../../base/random.js';
import { chainModel, TAIL_INPUT, TAIL_OUTPUT } from '../../export/float-model.js';
import { attachmentNames, jointNetwork } from '../../network/branch.js';
import { isBranch, type JointNetwork } from '../../network/layers.js';
import { featuresOf, placeLayers } from '../../network/shapes.js';
import { type Attribute, createGraph, type Graph } from '../../onnx/graph.js';
import { readModel } from '../../onnx/read-model.js';
import { inSinglePrecision } from '../../onnx/single-precision.js';
import { initialParameters } from '../initial-state.js';
import { warmStart } from '../warm-start/warm-start.js';
import { importGraph, normalImage } from './import-graph.js';

const { onnx } = onnxProto;
const INPUT: JointNetwork['input'] = [12, 12, 3];
const CLASSES = 5;

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-graph-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Attributes = Readonly<Record<string, Attribute>>;

let drawn = 0;
const weights = (graph: Graph, shape: readonly number[], size = 0.5): string =>
  graph.floats(
    floats(random(7, drawn++), featuresOf(shape as [number])).map((value) => value * size),
    shape,
  );
const filled = (graph: Graph, shape: readonly number[], value: number): string =>
  graph.floats(new Float32Array(featuresOf(shape as [number])).fill(value), shape);
const scalar = (graph: Graph, value: number): string => filled(graph, [], value);
const float = (value: number) => ({ float: value });

/** A convolution; padded by a pixel unless `attributes` has `pads`, which may be `none`. */
const conv = (
  graph: Graph,
  x: string,
  from: number,
  to: number,
  { pads = [1, 1, 1, 1], ...attributes }: Attributes & { pads?: readonly number[] | 'none' } = {},
  kernel = 3,
): string =>
  graph.node('Conv', [x, weights(graph, [to, from, kernel, kernel], 0.4), weights(graph, [to])], {
    kernel_shape: [kernel, kernel],
    ...(pads === 'none' ? {} : { pads }),
    ...attributes,
  });
const batchNorm = (graph: Graph, x: string, channels: number, epsilon = 1e-5): string =>
  graph.node(
    'BatchNormalization',
    [
      x,
      weights(graph, [channels]),
      weights(graph, [channels]),
      weights(graph, [channels]),
      graph.floats(
        floats(random(7, drawn++), channels).map((value) => 0.5 + value * value),
        [channels],
      ),
    ],
    { epsilon: float(epsilon) },
  );
const gemm = (graph: Graph, x: string, inputs: number, units = CLASSES): string =>
  graph.node('Gemm', [x, weights(graph, [units, inputs]), weights(graph, [units])], { transB: 1 });
const head = (graph: Graph, x: string, channels: number): string =>
  gemm(graph, graph.node('Flatten', [graph.node('GlobalAveragePool', [x])], { axis: 1 }), channels);

interface Case {
  readonly body: (graph: Graph, x: string) => string;
  readonly input?: readonly (number | string)[];
  readonly opset?: number;
}

/** Writes a model of which `body` makes the logits. @returns its path */
function write(name: string, { body, input = ['batch', 3, 12, 12], opset }: Case): string {
  const graph = createGraph();
  const x = graph.input('image', 'float32', input);
  graph.output('logits', body(graph, x), 'float32', ['batch', CLASSES]);
  let bytes = graph.encode(name);
  if (opset !== undefined) {
    const model = onnx.ModelProto.decode(bytes);
    model.opsetImport[0].version = opset;
    model.irVersion = 6;
    bytes = onnx.ModelProto.encode(model).finish();
  }
  const path = join(folder, `${name.replaceAll(/\W+/g, '-')}.onnx`);
  writeFileSync(path, bytes);
  return path;
}

/** Imports a file, and compares the imported layers with the file in ONNX Runtime. @returns the types of its layers */
async function imported(path: string, input = INPUT): Promise<string[]> {
  const { layers, source } = await importGraph(path, input);
  const last = layers.at(-1)!;
  const classes = last.type === 'dense' ? last.units : 0;
  const network = jointNetwork('graph', input, classes, layers, { attach: attachmentNames(layers)[0] });
  const state = initialParameters(network, 1);
  const { missing, leftOver } = warmStart(state, network, source);
  expect([missing, leftOver]).toEqual([[], []]);
  const trunk = placeLayers(network).filter(({ part }) => !isBranch(part));
  const image = normalImage(3, featuresOf(input));
  const ours = await run(chainModel(state, trunk, 'ours'), TAIL_INPUT, new Tensor('float32', image, [1, ...input]));
  const theirs = await runFile(path, image, input);
  const size = theirs.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  expect(size).toBeGreaterThan(1e-3);
  theirs.forEach((value, i) => {
    expect(Math.abs(value - ours[i]) / size).toBeLessThan(1e-4);
  });
  return layers.map(({ type }) => type);
}

async function run(model: Uint8Array, name: string, image: Tensor): Promise<Float32Array> {
  const session = await InferenceSession.create(model, { logSeverityLevel: 3 });
  const found = await session.run({ [name]: image });
  await session.release();
  return (found[TAIL_OUTPUT] ?? Object.values(found)[0]).data as Float32Array;
}

async function runFile(path: string, image: Float32Array, [height, width, channels]: JointNetwork['input']) {
  const model = inSinglePrecision(readModel(path));
  const { name, type } = model.graph!.input![0];
  const [, first] = type!.tensorType!.shape!.dim!.map(({ dimValue }) => Number(dimValue));
  const pixels = height * width;
  const planes = image.map((_, i) => image[(i % pixels) * channels + Math.floor(i / pixels)]);
  const tensor =
    first === channels
      ? new Tensor('float32', planes, [1, channels, height, width])
      : new Tensor('float32', image, [1, height, width, channels]);
  return run(onnx.ModelProto.encode(model).finish(), name!, tensor);
}

const nhwc = ['batch', 12, 12, 3];
const toFirst = (graph: Graph, x: string) => graph.node('Transpose', [x], { perm: [0, 3, 1, 2] });
const toLast = (graph: Graph, x: string) => graph.node('Transpose', [x], { perm: [0, 2, 3, 1] });

/** A network of one operator between a convolution and the head. */
const between =
  (middle: (graph: Graph, x: string) => string, channels = 4) =>
  (graph: Graph, x: string) =>
    head(graph, middle(graph, conv(graph, x, 3, 4)), channels);

const CASES: Readonly<Record<string, Case & { readonly types?: readonly string[] }>> = {
  'convolution, batch normalisation, ReLU': {
    body: between((graph, x) => graph.node('Relu', [batchNorm(graph, x, 4, 1e-3)])),
    types: ['conv2d', 'batch-norm', 'relu', 'global-average-pool', 'dense'],
  },
  'strides and asymmetric padding': {
    body: between((graph, x) => conv(graph, x, 4, 4, { strides: [2, 2], pads: [0, 1, 2, 1] })),
  },
  SAME_UPPER: {
    body: between((graph, x) => conv(graph, x, 4, 4, { strides: [2, 2], auto_pad: 'SAME_UPPER', pads: 'none' })),
  },
  SAME_LOWER: {
    body: between((graph, x) => conv(graph, x, 4, 4, { strides: [2, 2], auto_pad: 'SAME_LOWER', pads: 'none' }, 4)),
  },
  'dilated convolution': {
    body: between((graph, x) => conv(graph, x, 4, 4, { dilations: [2, 3], pads: [2, 3, 2, 1] })),
    types: ['conv2d', 'general-conv2d', 'global-average-pool', 'dense'],
  },
  'convolution in groups': {
    body: between(
      (graph, x) =>
        graph.node('Conv', [x, weights(graph, [6, 2, 3, 3]), weights(graph, [6])], { group: 2, kernel_shape: [3, 3] }),
      6,
    ),
    types: ['conv2d', 'general-conv2d', 'global-average-pool', 'dense'],
  },
  'depthwise convolution with two filters for each channel': {
    body: between(
      (graph, x) =>
        graph.node('Conv', [x, weights(graph, [8, 1, 3, 3])], { group: 4, kernel_shape: [3, 3], dilations: [1, 2] }),
      8,
    ),
  },
  'rectangular kernels, and another stride for columns': {
    body: between((graph, x) => {
      const rows = graph.node('Conv', [x, weights(graph, [4, 4, 1, 5])], { kernel_shape: [1, 5], pads: [0, 2, 0, 2] });
      const y = graph.node('Conv', [rows, weights(graph, [4, 4, 3, 1])], { kernel_shape: [3, 1], strides: [1, 2] });
      return graph.node('Relu', [graph.node('Add', [y, weights(graph, [4, 1, 1])])]);
    }),
    types: ['conv2d', 'general-conv2d', 'general-conv2d', 'relu', 'global-average-pool', 'dense'],
  },
  'a dilated convolution of one pixel': {
    body: (graph, x) => {
      const pixel = graph.node('GlobalAveragePool', [conv(graph, x, 3, 4)]);
      const y = conv(graph, pixel, 4, 4, { dilations: [2, 2], pads: [2, 2, 2, 2] });
      return gemm(graph, graph.node('Flatten', [y]), 4);
    },
  },
  'depthwise convolution with bias': {
    body: between((graph, x) =>
      graph.node('Conv', [x, weights(graph, [4, 1, 3, 3]), weights(graph, [4])], {
        kernel_shape: [3, 3],
        group: 4,
        strides: [2, 2],
        pads: [1, 1, 1, 1],
      }),
    ),
    types: ['conv2d', 'depthwise-conv2d', 'shift', 'global-average-pool', 'dense'],
  },
  Clip: { body: between((graph, x) => graph.node('Clip', [x, scalar(graph, 0), scalar(graph, 0.5)])) },
  'Clip of opset 9': {
    body: between((graph, x) => graph.node('Clip', [x, ''].slice(0, 1), { min: float(0), max: float(0.5) })),
    opset: 9,
  },
  'Relu and Min': { body: between((graph, x) => graph.node('Min', [graph.node('Relu', [x]), scalar(graph, 0.5)])) },
  'Max with 0': { body: between((graph, x) => graph.node('Max', [x, scalar(graph, 0)])) },
  LeakyRelu: { body: between((graph, x) => graph.node('LeakyRelu', [x], { alpha: float(0.2) })) },
  PRelu: { body: between((graph, x) => graph.node('PRelu', [x, weights(graph, [4, 1, 1])])) },
  'PRelu with one slope': { body: between((graph, x) => graph.node('PRelu', [x, scalar(graph, 0.3)])) },
  HardSwish: { body: between((graph, x) => graph.node('HardSwish', [x])) },
  HardSigmoid: {
    body: between((graph, x) => graph.node('HardSigmoid', [x], { alpha: float(1 / 6), beta: float(0.5) })),
  },
  "Keras's HardSigmoid": { body: between((graph, x) => graph.node('HardSigmoid', [x])) },
  'hard swish by HardSigmoid': {
    body: between((graph, x) => graph.node('Mul', [x, graph.node('HardSigmoid', [x], { alpha: float(1 / 6) })])),
    types: ['conv2d', 'hard-swish', 'global-average-pool', 'dense'],
  },
  'hard swish by hand': {
    body: between((graph, x) => {
      const gate = graph.node('Clip', [graph.node('Add', [x, scalar(graph, 3)]), scalar(graph, 0), scalar(graph, 6)]);
      return graph.node('Div', [graph.node('Mul', [x, gate]), scalar(graph, 6)]);
    }),
    types: ['conv2d', 'hard-swish', 'global-average-pool', 'dense'],
  },
  SiLU: {
    body: between((graph, x) => graph.node('Mul', [graph.node('Sigmoid', [x]), x])),
    types: ['conv2d', 'silu', 'global-average-pool', 'dense'],
  },
  Sigmoid: { body: between((graph, x) => graph.node('Sigmoid', [x])) },
  Tanh: { body: between((graph, x) => graph.node('Tanh', [x])) },
  'MaxPool behind a ReLU': {
    body: between((graph, x) =>
      graph.node('MaxPool', [graph.node('Relu', [x])], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }),
    ),
    types: ['conv2d', 'max-pool', 'relu', 'global-average-pool', 'dense'],
  },
  'MaxPool rounding up': {
    body: between((graph, x) => graph.node('MaxPool', [x], { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 })),
  },
  'AveragePool without padding': {
    body: between((graph, x) => graph.node('AveragePool', [x], { kernel_shape: [3, 3], strides: [2, 2] })),
  },
  'AveragePool, padding counts': {
    body: between((graph, x) =>
      graph.node('AveragePool', [x], { kernel_shape: [3, 3], pads: [1, 1, 1, 1], count_include_pad: 1 }),
    ),
  },
  'AveragePool, padding does not count': {
    body: between((graph, x) =>
      graph.node('AveragePool', [x], { kernel_shape: [3, 3], strides: [2, 2], pads: [0, 0, 1, 1] }),
    ),
  },
  'AveragePool of the whole image': {
    body: (graph, x) => {
      const pool = graph.node('AveragePool', [conv(graph, x, 3, 4)], { kernel_shape: [12, 12] });
      return gemm(graph, graph.node('Reshape', [pool, graph.integers([-1, 4])]), 4);
    },
    types: ['conv2d', 'global-average-pool', 'dense'],
  },
  ReduceMean: {
    body: (graph, x) =>
      gemm(graph, graph.node('ReduceMean', [conv(graph, x, 3, 4)], { axes: [-2, -1], keepdims: 0 }), 4),
  },
  GlobalMaxPool: {
    body: (graph, x) => gemm(graph, graph.node('Flatten', [graph.node('GlobalMaxPool', [conv(graph, x, 3, 4)])]), 4),
  },
  'Flatten of channels, rows, columns': {
    body: (graph, x) => gemm(graph, graph.node('Flatten', [conv(graph, x, 3, 2, { strides: [3, 3] })]), 32),
    types: ['conv2d', 'flatten', 'dense'],
  },
  'batch normalisation of flattened features': {
    body: (graph, x) => {
      const flat = graph.node('Flatten', [conv(graph, x, 3, 2, { strides: [3, 3] })]);
      return gemm(graph, graph.node('Relu', [batchNorm(graph, flat, 32)]), 32);
    },
  },
  'Reshape by the shape of the image': {
    body: (graph, x) => {
      const y = conv(graph, x, 3, 2, { strides: [3, 3] });
      const batch = graph.node('Gather', [graph.node('Shape', [y]), graph.integers([0])]);
      return gemm(
        graph,
        graph.node('Reshape', [y, graph.node('Concat', [batch, graph.integers([-1])], { axis: 0 })]),
        32,
      );
    },
  },
  'MatMul and Add': {
    body: (graph, x) => {
      const flat = graph.node('Flatten', [graph.node('GlobalAveragePool', [conv(graph, x, 3, 4)])]);
      return graph.node('Add', [weights(graph, [CLASSES]), graph.node('MatMul', [flat, weights(graph, [4, CLASSES])])]);
    },
    types: ['conv2d', 'global-average-pool', 'dense'],
  },
  'Gemm with factors': {
    body: (graph, x) =>
      graph.node(
        'Gemm',
        [
          graph.node('Flatten', [graph.node('GlobalAveragePool', [conv(graph, x, 3, 4)])]),
          weights(graph, [4, CLASSES]),
          weights(graph, [1, CLASSES]),
        ],
        { alpha: float(2), beta: float(0.5) },
      ),
  },
  'Pad, asymmetric': {
    body: between((graph, x) =>
      conv(graph, graph.node('Pad', [x, graph.integers([0, 0, 0, 1, 0, 0, 1, 2])]), 4, 4, {
        strides: [2, 2],
        pads: 'none',
      }),
    ),
  },
  'Pad of opset 9': {
    body: between((graph, x) =>
      conv(graph, graph.node('Pad', [x], { pads: [0, 0, 1, 1, 0, 0, 0, 0] }), 4, 4, { pads: 'none' }),
    ),
    opset: 9,
  },
  'Pad before a pool': {
    body: between((graph, x) =>
      graph.node('MaxPool', [graph.node('Pad', [graph.node('Relu', [x]), graph.integers([0, 0, 1, 1, 0, 0, 1, 1])])], {
        kernel_shape: [3, 3],
        strides: [2, 2],
      }),
    ),
  },
  'shortcut around two convolutions': {
    body: between((graph, x) =>
      graph.node('Relu', [graph.node('Add', [conv(graph, graph.node('Relu', [conv(graph, x, 4, 4)]), 4, 4), x])]),
    ),
    types: ['conv2d', 'residual', 'relu', 'global-average-pool', 'dense'],
  },
  'shortcut with a projection': {
    body: between((graph, x) => {
      const body = batchNorm(
        graph,
        conv(graph, graph.node('Relu', [conv(graph, x, 4, 6, { strides: [2, 2] })]), 6, 6),
        6,
      );
      return graph.node('Add', [conv(graph, x, 4, 6, { strides: [2, 2], pads: 'none' }, 1), body]);
    }, 6),
  },
  'shortcuts in shortcuts': {
    body: between((graph, x) => {
      const inner = graph.node('Add', [conv(graph, x, 4, 4), x]);
      return graph.node('Add', [conv(graph, inner, 4, 4), x]);
    }),
  },
  'Dropout and Identity': {
    body: between((graph, x) => graph.node('Identity', [graph.node('Dropout', [graph.node('Relu', [x])])])),
  },
  'softmax at the end': { body: (graph, x) => head(graph, conv(graph, x, 3, 4), 4) },
  'normalised inside': {
    body: (graph, x) => {
      const centred = graph.node('Sub', [x, weights(graph, [1, 3, 1, 1])]);
      return head(graph, conv(graph, graph.node('Div', [centred, filled(graph, [3, 1, 1], 2)]), 3, 4), 4);
    },
    types: ['shift', 'scale', 'conv2d', 'global-average-pool', 'dense'],
  },
  'fully convolutional': {
    body: (graph, x) => {
      const pooled = graph.node('GlobalAveragePool', [conv(graph, x, 3, 4)]);
      const hidden = graph.node('HardSwish', [conv(graph, pooled, 4, 6, { pads: 'none' }, 1)]);
      return graph.node('Flatten', [conv(graph, hidden, 6, CLASSES, { pads: 'none' }, 1)]);
    },
    types: ['conv2d', 'global-average-pool', 'dense', 'hard-swish', 'dense'],
  },
  'classes by convolution, then their mean': {
    body: (graph, x) =>
      graph.node('Flatten', [
        graph.node('GlobalAveragePool', [
          conv(graph, graph.node('Relu', [conv(graph, x, 3, 4)]), 4, CLASSES, { pads: 'none' }, 1),
        ]),
      ]),
    types: ['conv2d', 'relu', 'global-average-pool', 'dense'],
  },
  "tf2onnx's transposes": {
    input: nhwc,
    body: (graph, x) => {
      const y = toLast(graph, graph.node('Relu', [conv(graph, toFirst(graph, x), 3, 4)]));
      const padded = graph.node('Pad', [y, graph.integers([0, 1, 0, 0, 0, 0, 1, 0])]);
      const z = toLast(graph, conv(graph, toFirst(graph, padded), 4, 2, { strides: [3, 3], pads: 'none' }));
      const biased = graph.node('Add', [z, weights(graph, [2])]);
      return gemm(graph, graph.node('Reshape', [biased, graph.integers([-1, 32])]), 32);
    },
  },
  "tf2onnx's mean": {
    input: nhwc,
    body: (graph, x) =>
      gemm(
        graph,
        graph.node('ReduceMean', [toLast(graph, conv(graph, toFirst(graph, x), 3, 4))], { axes: [1, 2], keepdims: 0 }),
        4,
      ),
  },
};

describe('a graph becomes layers that compute what the file computes', () => {
  it.each(Object.entries(CASES))('%s', async (name, given) => {
    const types = await imported(write(name, given));
    if (given.types) expect(types).toEqual(given.types);
  });

  it('with a softmax at the end, which is dropped', async () => {
    const body: Case['body'] = (graph, x) => graph.node('Softmax', [head(graph, conv(graph, x, 3, 4), 4)], { axis: 1 });
    const { layers, logits } = await importGraph(write('softmax', { body }), INPUT);
    expect(layers.map(({ type }) => type)).toEqual(['conv2d', 'global-average-pool', 'dense']);
    expect(logits).not.toBe('logits');
  });

  it('with weights in double precision', async () => {
    const path = write('double', CASES['convolution, batch normalisation, ReLU']);
    const model = onnx.ModelProto.decode(readFileSync(path));
    const { DOUBLE } = onnx.TensorProto.DataType;
    for (const tensor of model.graph!.initializer!) {
      const values = new Float32Array(new Uint8Array(tensor.rawData!).buffer);
      Object.assign(tensor, { dataType: DOUBLE, rawData: new Uint8Array(Float64Array.from(values).buffer) });
    }
    for (const { type } of [...model.graph!.input!, ...model.graph!.output!]) type!.tensorType!.elemType = DOUBLE;
    writeFileSync(path, onnx.ModelProto.encode(model).finish());
    await imported(path);
  });

  it('with every axis open, channels last', async () => {
    const body: Case['body'] = (graph, x) => head(graph, conv(graph, toFirst(graph, x), 3, 4), 4);
    const path = write('open axes', { input: ['batch', 'height', 'width', 'channels'], body });
    expect((await importGraph(path, INPUT)).layers).toHaveLength(3);
  });

  it('with weights in another file', async () => {
    const path = write('external', CASES['convolution, batch normalisation, ReLU']);
    const model = onnx.ModelProto.decode(readFileSync(path));
    const [first] = model.graph!.initializer!;
    writeFileSync(join(folder, 'external.data'), Buffer.concat([Buffer.alloc(16), first.rawData!]));
    const entries = { location: 'external.data', offset: '16', length: `${first.rawData!.length}` };
    first.externalData = Object.entries(entries).map(([key, value]) => ({ key, value }));
    first.rawData = new Uint8Array();
    first.dataLocation = 1;
    writeFileSync(path, onnx.ModelProto.encode(model).finish());
    await imported(path);
    first.externalData[0].value = '../elsewhere';
    writeFileSync(path, onnx.ModelProto.encode(model).finish());
    await expect(importGraph(path, INPUT)).rejects.toThrow(/in the model's folder, found \.\.\/elsewhere/);
  });
});

const FIXTURES = fileURLToPath(new URL('../../../test/fixtures/onnx/', import.meta.url));
const fixtures = readdirSync(FIXTURES).filter((file) => file.endsWith('.onnx'));

describe('files of the exporters', () => {
  it.each(fixtures)('%s', async (file) => {
    expect((await imported(join(FIXTURES, file), [16, 16, 3])).length).toBeGreaterThan(5);
  });
});

describe('what is not supported is refused by node, operator and reason', () => {
  it.each<[string, RegExp, Case['body']]>([
    [
      'Concat',
      /node Concat_\d+ \(Concat\): expected one of the supported operators .*Conv.*, found Concat/,
      between((graph, x) => graph.node('Concat', [x, x], { axis: 1 }), 8),
    ],
    [
      'rectangular pools',
      /\(MaxPool\): expected a square kernel, found 1x3/,
      between((graph, x) => graph.node('MaxPool', [x], { kernel_shape: [1, 3] })),
    ],
    [
      'pools with gaps',
      /\(MaxPool\): expected a dilation of 1, found 2, 2/,
      between((graph, x) => graph.node('MaxPool', [x], { kernel_shape: [3, 3], dilations: [2, 2] })),
    ],
    [
      'one pixel that becomes several',
      /\(Conv\): expected one pixel that a tap of the kernel is at, found pads 2, 2, 2, 2, output 3x3/,
      (graph, x) => {
        const pixel = graph.node('GlobalAveragePool', [conv(graph, x, 3, 4)]);
        return gemm(graph, graph.node('Flatten', [conv(graph, pixel, 4, 2, { pads: [2, 2, 2, 2] })]), 18);
      },
    ],
    [
      'squeeze and excitation',
      /\(Mul\): expected the product of a value and a constant, or of x and its sigmoid/,
      between((graph, x) => graph.node('Mul', [x, graph.node('Sigmoid', [graph.node('GlobalAveragePool', [x])])])),
    ],
    [
      'reflection',
      /\(Pad\): expected padding with zeros by fixed numbers, found reflect/,
      between((graph, x) => graph.node('Pad', [x, graph.integers([0, 0, 1, 1, 0, 0, 1, 1])], { mode: 'reflect' })),
    ],
    [
      'padding without a window',
      /\(Relu\): expected a convolution or pool after a Pad, found Relu/,
      between((graph, x) => graph.node('Relu', [graph.node('Pad', [x, graph.integers([0, 0, 1, 1, 0, 0, 1, 1])])])),
    ],
    [
      'sizes',
      /\(Add\): expected the sum of two values of the same shape/,
      between((graph, x) => graph.node('Add', [x, graph.node('GlobalAveragePool', [x])])),
    ],
    [
      'end',
      /expected a network that ends in a fully-connected layer .*, found sigmoid \(Sigmoid_\d+\) at its end/,
      (graph, x) => graph.node('Sigmoid', [head(graph, conv(graph, x, 3, 4), 4)]),
    ],
  ])('%s', async (name, message, body) => {
    await expect(importGraph(write(`refused ${name}`, { body }), INPUT)).rejects.toThrow(
      expect.objectContaining({ name: 'UserError', message: expect.stringMatching(message) }),
    );
  });

  it('branches of the graph', async () => {
    const path = write('if', CASES['ReduceMean']);
    const model = onnx.ModelProto.decode(readFileSync(path));
    const { node, initializer } = model.graph!;
    const [conv1] = node!;
    // Both branches read the convolution, although only the condition is an input.
    const inside = (name: string) => ({
      name,
      node: [{ opType: 'Identity', input: [conv1.output![0]], output: [name] }],
      output: [{ name, type: { tensorType: { elemType: 1 } } }],
    });
    const branches = ['then', 'else'].map((name) => ({ name: `${name}_branch`, type: 5, g: inside(name) }));
    node!.splice(1, 0, { opType: 'If', input: ['condition'], output: ['chosen'], attribute: branches });
    node![2].input![0] = 'chosen';
    initializer!.push({ name: 'condition', dataType: 9, rawData: Uint8Array.of(1) });
    writeFileSync(path, onnx.ModelProto.encode(model).finish());
    await expect(importGraph(path, INPUT)).rejects.toThrow(
      /node If of chosen: expected one of the supported operators/,
    );
  });

  it('images in bytes', async () => {
    const path = write('bytes', CASES['ReduceMean']);
    const model = onnx.ModelProto.decode(readFileSync(path));
    model.graph!.input![0].type!.tensorType!.elemType = onnx.TensorProto.DataType.UINT8;
    writeFileSync(path, onnx.ModelProto.encode(model).finish());
    await expect(importGraph(path, INPUT)).rejects.toThrow(/expected an input of normalised numbers .*, found UINT8/);
  });

  it('tensors that do not fit each other', async () => {
    const body: Case['body'] = (graph, x) => head(graph, conv(graph, x, 3, 4), 5);
    await expect(importGraph(write('misfit', { body, input: ['n', 3, 'h', 'w'] }), INPUT)).rejects.toThrow(
      /expected a model that ONNX Runtime can run.* found one that/,
    );
  });

  it('images of another size', async () => {
    const path = write('size', CASES['ReduceMean']);
    await expect(importGraph(path, [14, 12, 3])).rejects.toThrow(/expected one input for images of 14x12x3/);
  });
});
