import onnxProto from 'onnx-proto';

const { onnx } = onnxProto;

/** Plain numbers are integers; a float attribute is written `{ float: 0.5 }`. */
export type Attribute = number | readonly number[] | string | { readonly float: number };

/** The element types in our graphs. */
export type ElementType = 'float32' | 'float16' | 'int32' | 'int64' | 'uint8' | 'bool';

/** Operator set and IR version of our models. */
const OPSET = 17;
const IR_VERSION = 8;

const ELEMENT_TYPES: Record<ElementType, number> = { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9, float16: 10 };

interface GraphNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** Where a graph will run. The GPU providers lack a few operators of the CPU provider. */
export type Target = 'cpu' | 'gpu';

interface TensorSpec {
  readonly name: string;
  readonly type: ElementType;
  /** A string names a dimension of variable size, e.g. `batch`. */
  readonly shape: readonly (number | string)[];
}

/**
 * An ONNX graph under construction. Nodes and constants with the same operator, inputs and attributes are shared.
 *
 * @example
 * const graph = createGraph();
 * const x = graph.input('x', 'float32', ['batch', 4]);
 * graph.output('y', graph.node('Relu', [x]), 'float32', ['batch', 4]);
 * const bytes = graph.encode('relu');
 */
export interface Graph {
  readonly target: Target;
  input(name: string, type: ElementType, shape: readonly (number | string)[]): string;
  /** Adds a node with one output. @returns the output's name */
  node(op: string, inputs: readonly string[], attributes?: Readonly<Record<string, Attribute>>): string;
  /** Name of output `index` of the node that produces `output`, for nodes with several outputs. */
  furtherOutput(output: string, index: number): string;
  floats(values: Float32Array, shape: readonly number[]): string;
  integers(values: readonly number[]): string;
  /** Makes a value an output of the graph, under a name. */
  output(name: string, value: string, type: ElementType, shape: readonly (number | string)[]): void;
  readonly nodeCount: number;
  /** The model as protobuf bytes. */
  encode(name: string): Uint8Array;
}

export function createGraph(target: Target = 'cpu'): Graph {
  const nodes: GraphNode[] = [];
  const initializers: InstanceType<typeof onnx.TensorProto>[] = [];
  const inputs: TensorSpec[] = [];
  const outputs: TensorSpec[] = [];
  const shared = new Map<string, string>();
  const producers = new Map<string, GraphNode>();
  const outputNames = new Map<string, string>();
  let names = 0;

  const once = (key: string, make: (name: string) => void): string => {
    const known = shared.get(key);
    if (known !== undefined) return known;
    const name = `v${names++}`;
    shared.set(key, name);
    make(name);
    return name;
  };

  const constant = (type: ElementType, bytes: Uint8Array, shape: readonly number[]): string => {
    // Long constants aren't shared, because comparing them costs more than storing them again.
    const key =
      bytes.length <= 2 ** 18
        ? `${type}|${shape}|${Buffer.from(bytes).toString('base64')}`
        : `unshared constant ${names}`;
    return once(key, (name) => {
      initializers.push(
        onnx.TensorProto.create({ name, dataType: ELEMENT_TYPES[type], dims: [...shape], rawData: bytes.slice() }),
      );
    });
  };

  return {
    target,
    input(name, type, shape) {
      inputs.push({ name, type, shape });
      return name;
    },
    node(op, nodeInputs, attributes = {}) {
      return once(`${op}|${nodeInputs.join(',')}|${JSON.stringify(attributes)}`, (name) => {
        const made = { op, inputs: nodeInputs, outputs: [name], attributes };
        nodes.push(made);
        producers.set(name, made);
      });
    },
    furtherOutput(output, index) {
      const made = producers.get(output);
      if (!made) throw new Error(`no node makes ${output}`);
      while (made.outputs.length <= index) made.outputs.push(`v${names++}`);
      return made.outputs[index];
    },
    floats(values, shape) {
      return constant('float32', new Uint8Array(values.buffer, values.byteOffset, values.byteLength), shape);
    },
    integers(values) {
      return constant('int64', new Uint8Array(BigInt64Array.from(values, BigInt).buffer), [values.length]);
    },
    output(name, value, type, shape) {
      outputs.push({ name, type, shape });
      // The node writes its value under the output's name, unless the value is an input, a constant or already an output.
      if (producers.has(value) && !outputNames.has(value)) outputNames.set(value, name);
      else nodes.push({ op: 'Identity', inputs: [value], outputs: [name], attributes: {} });
    },
    get nodeCount() {
      return nodes.length;
    },
    encode(name) {
      // ONNX Runtime warns about a constant that no node uses.
      const used = new Set(nodes.flatMap((node) => node.inputs));
      const model = onnx.ModelProto.create({
        irVersion: IR_VERSION,
        producerName: 'lcdnn',
        opsetImport: [{ domain: '', version: OPSET }],
        graph: {
          name,
          node: nodes.map((node, index) => encodeNode(node, index, outputNames)),
          initializer: initializers.filter((tensor) => used.has(tensor.name)),
          input: inputs.map(encodeSpec),
          output: outputs.map(encodeSpec),
        },
      });
      return onnx.ModelProto.encode(model).finish();
    },
  };
}

function encodeNode(node: GraphNode, index: number, outputNames: ReadonlyMap<string, string>) {
  const named = (value: string): string => outputNames.get(value) ?? value;
  return {
    name: `${node.op}_${index}`,
    opType: node.op,
    input: node.inputs.map(named),
    output: node.outputs.map(named),
    attribute: Object.entries(node.attributes).map(([name, value]) => encodeAttribute(name, value)),
  };
}

function encodeAttribute(name: string, value: Attribute) {
  const { AttributeType } = onnx.AttributeProto;
  if (typeof value === 'number') return { name, type: AttributeType.INT, i: value };
  if (typeof value === 'string') return { name, type: AttributeType.STRING, s: Buffer.from(value) };
  if ('float' in value) return { name, type: AttributeType.FLOAT, f: value.float };
  return { name, type: AttributeType.INTS, ints: [...value] };
}

function encodeSpec(spec: TensorSpec) {
  return {
    name: spec.name,
    type: {
      tensorType: {
        elemType: ELEMENT_TYPES[spec.type],
        shape: {
          dim: spec.shape.map((size) => (typeof size === 'string' ? { dimParam: size } : { dimValue: size })),
        },
      },
    },
  };
}
