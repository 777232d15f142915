import onnxProto from 'onnx-proto';

const { onnx } = onnxProto;

export type Node = InstanceType<typeof onnx.NodeProto>;
export type Tensor = InstanceType<typeof onnx.TensorProto>;

/** A decoded model: nodes in order, constants by name. */
export interface OnnxModel {
  readonly nodes: Node[];
  readonly constants: Map<string, Tensor>;
  readonly input: string;
  readonly output: string;
  /** Encodes the model with these nodes and constants. @param outputs values to add to its outputs */
  encode(nodes: readonly Node[], constants: Iterable<Tensor>, outputs?: readonly string[]): Uint8Array;
}

export function decodeModel(bytes: Uint8Array): OnnxModel {
  const model = onnx.ModelProto.decode(bytes);
  const graph = model.graph!;
  return {
    nodes: graph.node as Node[],
    constants: new Map((graph.initializer as Tensor[]).map((tensor) => [tensor.name, tensor])),
    input: graph.input![0].name!,
    output: graph.output![0].name!,
    encode(node, initializer, outputs = []) {
      const given = outputs.map((name) => ({ name, type: { tensorType: { elemType: FLOAT } } }));
      const changed = {
        ...graph,
        node: [...node],
        initializer: [...initializer],
        output: [...graph.output!, ...given],
      };
      return onnx.ModelProto.encode({ ...model, graph: changed }).finish();
    },
  };
}

/** ONNX's codes of element types. */
export const { FLOAT, UINT8, INT32 } = onnx.TensorProto.DataType;

/** Creates a constant. */
export function tensor(
  name: string,
  values: Float32Array | Uint8Array | Int32Array,
  dims: readonly (number | Tensor['dims'][number])[],
): Tensor {
  const dataType = values instanceof Float32Array ? FLOAT : values instanceof Int32Array ? INT32 : UINT8;
  const rawData = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return new onnx.TensorProto({ name, dataType, dims: dims.map(Number), rawData });
}

/** The values of a float32 constant. */
export const constantFloats = ({ rawData }: Tensor): Float32Array => new Float32Array(Uint8Array.from(rawData).buffer);

/** Creates a node with one output; node and output have the same name. */
export function node(opType: string, input: readonly string[], output: string, axis?: number): Node {
  const { INT } = onnx.AttributeProto.AttributeType;
  const attribute = axis === undefined ? [] : [{ name: 'axis', type: INT, i: axis }];
  return new onnx.NodeProto({ opType, input: [...input], output: [output], name: output, attribute });
}

/** The nodes that read each value. */
export function readersOf(nodes: readonly Node[]): Map<string, Node[]> {
  const readers = new Map<string, Node[]>();
  for (const reader of nodes) {
    for (const value of reader.input) readers.set(value, [...(readers.get(value) ?? []), reader]);
  }
  return readers;
}
