import type onnxProto from 'onnx-proto';
import type { NamedArrays } from '../../base/tensors.js';
import { type OnnxTensor, readModel } from '../../onnx/read-model.js';
import { readFloats } from '../../onnx/read-tensor.js';
import type { SourceKind, SourceLayer } from './source-layer.js';

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
 * @throws UserError if the file isn't an ONNX model, or its parameters aren't floating-point numbers
 */
export function onnxLayers(path: string): SourceLayer[] {
  const { graph } = readModel(path);
  const nodes = graph!.node!;
  const stored = new Map(graph!.initializer!.map((tensor) => [tensor.name ?? '', tensor]));
  const values = (name: string | undefined): NamedArray | undefined => {
    const tensor = name ? stored.get(name) : undefined;
    return tensor && readFloats(tensor, path);
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

/** The `Add` of a stored bias after a `MatMul`. */
function addAfter(nodes: readonly Node[], { output }: Node, stored: ReadonlyMap<string, OnnxTensor>): Node | undefined {
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
