import onnxProto from 'onnx-proto';

const { onnx } = onnxProto;

/**
 * Models that run one after another as a single ONNX model: each one's first output is the next one's input. Only for our own
 * models (`createGraph`), which have one input and no subgraphs.
 */
export function joinModels(models: readonly Uint8Array[]): Uint8Array {
  if (models.length === 1) return models[0];
  const decoded = models.map((model) => onnx.ModelProto.decode(model));
  const graphs = decoded.map(({ graph }) => graph!);
  const named = graphs.map((graph, i) => {
    const [input] = graph.input!;
    const isLast = i === graphs.length - 1;
    const outputs = graph.output!.map(({ name }) => name);
    return (value: string | null | undefined): string => {
      if (!value) return ''; // an optional input that is absent
      if (value === input.name) return i === 0 ? value : linkName(i - 1);
      if (value === outputs[0] && !isLast) return linkName(i);
      return isLast && outputs.includes(value) ? value : `part${i}/${value}`;
    };
  });
  const node = graphs.flatMap((graph, i) =>
    graph.node!.map((one) => ({
      ...one,
      name: `part${i}/${one.name}`,
      input: one.input!.map(named[i]),
      output: one.output!.map(named[i]),
    })),
  );
  const initializer = graphs.flatMap((graph, i) =>
    graph.initializer!.map((one) => ({ ...one, name: named[i](one.name) })),
  );
  const [first, last] = [graphs[0], graphs[graphs.length - 1]];
  const graph = { name: first.name, node, initializer, input: first.input, output: last.output };
  const { irVersion, producerName, opsetImport } = decoded[0];
  return onnx.ModelProto.encode(onnx.ModelProto.create({ irVersion, producerName, opsetImport, graph })).finish();
}

const linkName = (part: number): string => `part${part}/link`;
