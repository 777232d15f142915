import { constantFloats, type Node, type OnnxModel, readersOf, type Tensor, tensor } from './onnx-model.js';

/**
 * The nodes and constants of a model, with every batch normalisation that follows a convolution folded into the
 * convolution's weights and bias.
 */
export function foldBatchNorms({ nodes, constants, output }: OnnxModel): {
  readonly nodes: Node[];
  readonly constants: Map<string, Tensor>;
} {
  const readers = readersOf(nodes);
  const folded = new Map(constants);
  const taken = new Set<Node>();
  const changed = nodes.map((conv) => {
    const [norm, ...others] = readers.get(conv.output[0]) ?? [];
    if (conv.opType !== 'Conv' || norm?.opType !== 'BatchNormalization' || others.length > 0) return conv;
    if (conv.output[0] === output) return conv;
    taken.add(norm);
    const [x, w, b] = conv.input;
    const weights = constants.get(w)!;
    const [gamma, beta, mean, variance] = norm.input.slice(1).map((name) => constantFloats(constants.get(name)!));
    const epsilon = norm.attribute.find(({ name }) => name === 'epsilon')?.f ?? 1e-5;
    const scale = gamma.map((value, channel) => value / Math.sqrt(variance[channel] + epsilon));
    const bias = b === undefined ? new Float32Array(scale.length) : constantFloats(constants.get(b)!);
    const values = constantFloats(weights);
    const perChannel = values.length / scale.length;
    const [foldedW, foldedB] = [`${conv.output[0]}_w`, `${conv.output[0]}_b`];
    folded.set(
      foldedW,
      tensor(
        foldedW,
        values.map((value, i) => value * scale[Math.floor(i / perChannel)]),
        weights.dims,
      ),
    );
    const shifted = bias.map((value, channel) => (value - mean[channel]) * scale[channel] + beta[channel]);
    folded.set(foldedB, tensor(foldedB, shifted, [shifted.length]));
    return { ...conv, input: [x, foldedW, foldedB], output: norm.output } as Node;
  });
  const remaining = changed.filter((kept) => !taken.has(kept));
  const used = new Set(remaining.flatMap(({ input }) => input));
  return { nodes: remaining, constants: new Map([...folded].filter(([name]) => used.has(name))) };
}
