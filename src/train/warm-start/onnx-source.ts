import onnxProto from 'onnx-proto';
import { messageOf, UserError } from '../../base/errors.js';
import { type FloatType, floatsOf } from '../../base/safetensors.js';
import type { NamedArrays } from '../../base/tensors.js';
import type { SourceKind, SourceLayer } from './source-layer.js';

const { onnx } = onnxProto;

type Tensor = onnxProto.onnx.ITensorProto;
type Node = onnxProto.onnx.INodeProto;
type NamedArray = NamedArrays[string];

const KINDS: Readonly<Record<string, SourceKind>> = {
  Conv: 'conv',
  Gemm: 'dense',
  MatMul: 'dense',
  BatchNormalization: 'batch-norm',
  PRelu: 'prelu',
};

/** Operators that may be between an image and the dense layer that reads its features, besides the flattening. */
const ORDER_KEEPING = new Set(['Reshape', 'Flatten', 'Relu', 'PRelu', 'Clip', 'Min', 'Dropout', 'Identity']);

/**
 * The layers of an ONNX model in the order of its nodes, as PyTorch would define them: convolutions, dense layers,
 * batch normalisations and PReLUs whose parameters are stored in the model.
 *
 * @throws UserError if the bytes aren't an ONNX model, or its parameters aren't float32 numbers inside the file
 */
export function onnxLayers(file: Uint8Array, path: string): SourceLayer[] {
  const { nodes, stored } = parse(file, path);
  const values = (name: string | undefined): NamedArray | undefined => {
    const tensor = name ? stored.get(name) : undefined;
    return tensor && readTensor(tensor, path);
  };
  return nodes.flatMap((node): SourceLayer[] => {
    const kind = KINDS[node.opType ?? ''];
    const [x, ...parameters] = node.input ?? [];
    const weight = kind && values(parameters[0]);
    if (!kind || !weight) return [];
    // The weight's name is the most informative, such as `layer1.0.conv1.weight`; some exporters change the node's
    // name.
    const name = /^(.+)\.(weight|kernel|gamma)$/.exec(parameters[0])?.[1] ?? (node.name || parameters[0]);
    const graph = { input: x, output: node.output![0] };
    const layer = (tensors: Record<string, NamedArray | undefined>, more: Partial<SourceLayer> = {}): SourceLayer => ({
      name,
      kind,
      layout: 'pytorch',
      graph,
      ...more,
      tensors: Object.fromEntries(Object.entries(tensors).filter((entry): entry is [string, NamedArray] => !!entry[1])),
      channelsLast: kind === 'dense' && readsChannelsLast(nodes, x),
    });
    if (kind === 'batch-norm') {
      const [bias, mean, variance] = parameters.slice(1).map(values);
      const epsilon = node.attribute?.find((attribute) => attribute.name === 'epsilon')?.f ?? 1e-5;
      return [layer({ weight, bias, running_mean: mean, running_var: variance }, { epsilon: Math.fround(epsilon) })];
    }
    if (kind === 'prelu') return [layer({ weight: { shape: [weight.values.length], values: weight.values } })];
    if (kind === 'conv') return [layer({ weight, bias: values(parameters[1]) })];
    if (weight.shape.length !== 2) return [];
    const turned = whole(node, 'transB') === 1;
    const add = node.opType === 'MatMul' ? addAfter(nodes, node, stored) : undefined;
    const bias = values(add ? add.input?.find((name) => stored.has(name)) : parameters[1]);
    const output = add?.output?.[0] ?? graph.output;
    return [layer({ weight: turned ? weight : transposed(weight), bias }, { graph: { input: x, output } })];
  });
}

function parse(file: Uint8Array, path: string): { nodes: Node[]; stored: Map<string, Tensor> } {
  try {
    const { graph } = onnx.ModelProto.decode(file);
    if (!graph?.node?.length) throw new Error('no graph');
    return { nodes: graph.node, stored: new Map((graph.initializer ?? []).map((t) => [t.name ?? '', t])) };
  } catch (thrown) {
    throw new UserError(`${path}: expected an ONNX model, found a file that is none (${messageOf(thrown)})`);
  }
}

/** Floating-point element types of ONNX, with their names in safetensors. */
const FLOAT_TYPES: Readonly<Record<number, FloatType>> = { 1: 'F32', 10: 'F16', 11: 'F64', 16: 'BF16' };

/** Float values of a tensor. All lengths are checked before anything is allocated. */
function readTensor({ name, dims, dataType, rawData, floatData, dataLocation }: Tensor, path: string): NamedArray {
  const wrong = (found: string) => new UserError(`${path}: expected floating-point numbers in ${name}, found ${found}`);
  if (dataLocation === 1) throw wrong('the name of another file; save the model in one file');
  const type = FLOAT_TYPES[dataType ?? 0];
  if (!type) throw wrong(`element type ${dataType}; export the network without quantisation`);
  const shape = (dims ?? []).map(Number);
  const count = shape.reduce((product, size) => product * size, 1);
  if (rawData?.length) {
    const values = floatsOf(type, rawData);
    if (values?.length !== count) throw wrong(`${rawData.length} bytes for shape [${shape}]`);
    return { shape, values };
  }
  if (type !== 'F32')
    throw wrong(`${type} numbers that are not in rawData; export the file again with a current exporter`);
  if (floatData?.length !== count) throw wrong(`${floatData?.length ?? 0} numbers for shape [${shape}]`);
  return { shape, values: Float32Array.from(floatData) };
}

/** The `Add` of a stored bias after a `MatMul`. */
function addAfter(nodes: readonly Node[], { output }: Node, stored: ReadonlyMap<string, Tensor>): Node | undefined {
  return nodes.find(
    ({ opType, input }) => opType === 'Add' && input?.includes(output![0]) && input.some((name) => stored.has(name)),
  );
}

/** Whether the features called `x` come from a flattened image whose channels were moved to the end. */
function readsChannelsLast(nodes: readonly Node[], x: string): boolean {
  let node = nodes.find(({ output }) => output?.includes(x));
  for (let steps = 0; node && ORDER_KEEPING.has(node.opType ?? '') && steps < nodes.length; steps++) {
    const [from] = node.input ?? [];
    node = nodes.find(({ output }) => output?.includes(from));
  }
  const perm = node?.attribute?.find(({ name }) => name === 'perm')?.ints;
  return node?.opType === 'Transpose' && `${perm?.map(Number)}` === '0,2,3,1';
}

function whole(node: Node, name: string): number {
  return Number(node.attribute?.find((attribute) => attribute.name === name)?.i ?? 0);
}

function transposed({ shape: [rows, columns], values }: NamedArray): NamedArray {
  const turned = values.map((_, i) => values[(i % rows) * columns + Math.floor(i / rows)]);
  return { shape: [columns, rows], values: turned };
}
