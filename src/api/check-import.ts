import onnxProto from 'onnx-proto';
import { UserError } from '../base/errors.js';
import { Tensor } from '../base/onnxruntime.js';
import type { NamedArrays } from '../base/tensors.js';
import { chainModel, TAIL_INPUT } from '../export/float-model.js';
import { isBranch, type JointNetwork } from '../network/layers.js';
import { featuresOf, placeLayers } from '../network/shapes.js';
import { logitsBefore } from '../onnx/logits.js';
import { type OnnxFile, readModel } from '../onnx/read-model.js';
import { exposing, imageInput, openSession, runSession } from '../onnx/run-model.js';
import { inSinglePrecision } from '../onnx/single-precision.js';
import { type ImportedGraph, normalImage } from '../train/onnx-graph/import-graph.js';
import { readSource, type Source } from '../train/warm-start/source.js';
import type { SourceLayer } from '../train/warm-start/source-layer.js';
import { matchSource } from '../train/warm-start/warm-start.js';

const { onnx } = onnxProto;

/** Largest difference between the two networks, as a share of the largest absolute value that the file computes. */
const TOLERANCE = 1e-4;
const RANDOM_IMAGES = 4;
/** ONNX operators whose outputs are compared if the logits differ: those that our networks have parameters for. */
const WITH_PARAMETERS = new Set(['Conv', 'Gemm', 'BatchNormalization', 'PRelu']);
/** Our layers that become these nodes. */
const COMPARED = new Set(['conv2d', 'depthwise-conv2d', 'general-conv2d', 'dense', 'batch-norm', 'prelu']);

export interface ImportCheck {
  /** Images that both networks answered. */
  readonly images: number;
  /** What was compared: the logits, or the features that the last layer reads if that layer is new. */
  readonly compared: 'logits' | 'features';
  /** Largest difference, as a share of the largest absolute value. */
  readonly difference: number;
}

/**
 * Runs an ONNX file and the network that was made from it on the same images, and compares what they compute. Weights alone
 * don't tell a network: strides, padding, activations and pooling are in the file's graph.
 *
 * @param images of the user's data, normalised, NHWC, one after another; random ones are added
 * @param graph what was read from the file, if its graph was
 * @throws UserError if the file can't run on such images, or computes something else; it names the first layer that differs
 */
export async function checkImport(
  path: string,
  network: JointNetwork,
  state: NamedArrays,
  images: Float32Array,
  graph?: ImportedGraph,
): Promise<ImportCheck> {
  const size = featuresOf(network.input);
  const samples = [
    ...Array.from({ length: RANDOM_IMAGES }, (_, i) => normalImage(i + 1, size)),
    ...Array.from({ length: images.length / size }, (_, i) => images.subarray(i * size, (i + 1) * size)),
  ];
  const model = inSinglePrecision(readModel(path));
  const input = imageInput(model, path, network.input);
  const { pairs, last } = comparedTensors(network, graph?.source ?? readSource(path));
  const theirLogits = graph?.logits ?? logitsBefore(model.graph!.output![0].name!, model);
  const hasOwnClasses = last === undefined || unitsOf(last) === network.classes;
  const [compared, theirTensor] = hasOwnClasses
    ? ['logits' as const, theirLogits]
    : ['features' as const, last.graph!.input];
  const [theirOutputs, ourOutputs] = [
    [theirTensor, ...pairs.map(({ source }) => source.graph!.output)],
    pairs.map(({ index }) => index),
  ];
  const [file, ours] = await Promise.all([
    openSession(exposing(model, theirOutputs), path),
    openOurs(network, state, compared, ourOutputs),
  ]);
  try {
    let worst = 0;
    for (const image of samples) {
      const want = await runSession(file, { [input.name]: input.tensorOf(image) }, path);
      const got = await ours.run(image);
      const off = difference(inOrder(got.result, compared), inOrder(want[theirTensor].data as Float32Array, compared));
      worst = Math.max(worst, off);
      if (off <= TOLERANCE) continue;
      const first = pairs.findIndex(
        ({ source }, i) => difference(got.layers[i], want[source.graph!.output].data as Float32Array) > TOLERANCE,
      );
      throw differs(path, network, model, off, pairs, first);
    }
    return { images: samples.length, compared, difference: worst };
  } finally {
    await Promise.all([file.release(), ours.release()]);
  }
}

interface Pair {
  /** The layer of ours, as parameters name it. */
  readonly name: string;
  /** Its position among our nodes that have parameters. */
  readonly index: number;
  readonly source: SourceLayer;
}

/** The layers whose outputs both networks compute, and the file's last dense layer. */
function comparedTensors(network: JointNetwork, given: Source): { pairs: Pair[]; last: SourceLayer | undefined } {
  const { targets, matched } = matchSource(network, given);
  let nodes = 0;
  const pairs = targets.flatMap(({ part, layer }, i): Pair[] => {
    const source = matched[i];
    if (!COMPARED.has(layer.type)) return [];
    const index = nodes++;
    // The exporter folded the next normalisation into this convolution: only that one's output is the same.
    const isFolded = source !== undefined && matched[i + 1]?.name === source.name;
    // A layer that was made of another one's bias has no tensor of its own.
    if (!source || isFolded) return [];
    const own = source.graph ? source : matched[i - 1];
    return own?.graph ? [{ name: `${part}.${'name' in layer ? layer.name : layer.type}`, index, source: own }] : [];
  });
  return { pairs, last: matched.at(-1) };
}

/** Number of classes of a last dense layer. */
const unitsOf = ({ tensors: { weight, kernel } }: SourceLayer): number | undefined =>
  weight?.shape[0] ?? kernel?.shape[1];

/** Our network as an independent reader writes it, with the outputs of these nodes that have parameters. */
async function openOurs(
  network: JointNetwork,
  state: NamedArrays,
  compared: ImportCheck['compared'],
  nodes: readonly number[],
) {
  const trunk = placeLayers(network).filter(({ part }) => !isBranch(part));
  const model = onnx.ModelProto.decode(chainModel(state, trunk, network.name));
  const withParameters = model.graph!.node!.filter(({ opType }) => WITH_PARAMETERS.has(opType!));
  const result = compared === 'logits' ? model.graph!.output![0].name! : withParameters.at(-1)!.input![0];
  const layers = nodes.map((index) => withParameters[index].output![0]);
  const opened = await openSession(exposing(model, [result, ...layers]), network.name);
  return {
    async run(image: Float32Array) {
      const found = await opened.run({ [TAIL_INPUT]: new Tensor('float32', image.slice(), [1, ...network.input]) });
      const values = (name: string) => found[name].data as Float32Array;
      return { result: values(result), layers: layers.map(values) };
    },
    release: () => opened.release(),
  };
}

/** Flattened features stand in another order in files whose channels come first: they are compared sorted. */
const inOrder = (values: Float32Array, compared: ImportCheck['compared']): Float32Array =>
  compared === 'features' ? values.slice().sort() : values;

/** Largest difference, as a share of the largest absolute value wanted. */
function difference(got: Float32Array, want: Float32Array): number {
  if (got.length !== want.length) return Number.POSITIVE_INFINITY;
  let [off, scale] = [0, 1e-30];
  for (let i = 0; i < want.length; i++) {
    off = Math.max(off, Math.abs(got[i] - want[i]));
    scale = Math.max(scale, Math.abs(want[i]));
  }
  // NaN in either is a difference.
  return off / scale >= 0 ? off / scale : Number.POSITIVE_INFINITY;
}

function differs(
  path: string,
  network: JointNetwork,
  { graph }: OnnxFile,
  off: number,
  pairs: readonly Pair[],
  first: number,
): UserError {
  const begin =
    `${path}: expected ${network.name} to compute what the file computes in ONNX Runtime (within ${TOLERANCE} of its ` +
    `largest value), found a difference of ${off.toPrecision(2)}`;
  const advice = 'import it as the network that it is, at the image size that it was trained for';
  if (first < 0) return new UserError(`${begin} after the last layer with parameters; ${advice}`);
  const { name, source } = pairs[first];
  const operators = operatorsBefore(
    graph!.node!,
    source,
    new Set(pairs.slice(0, first).map((pair) => pair.source.graph!.output)),
  );
  return new UserError(
    `${begin}; the first layer that differs is ${name} (${source.origin ?? source.name} in the file, which computes ` +
      `${operators.join(', ')} since the layers before it); ${advice}`,
  );
}

/** The operators that lead to a layer's output from outputs that agree. */
function operatorsBefore(
  nodes: readonly onnxProto.onnx.INodeProto[],
  { graph }: SourceLayer,
  agreeing: ReadonlySet<string>,
): string[] {
  const [found, open] = [new Set<string>(), [graph!.output]];
  for (let tensor = open.pop(); tensor !== undefined; tensor = open.pop()) {
    const node = nodes.find(({ output }) => output?.includes(tensor!));
    if (!node || agreeing.has(tensor) || found.size > 8) continue;
    const attributes = (node.attribute ?? []).flatMap(({ name, ints, i, f }) =>
      /^(strides|pads|dilations|alpha|epsilon|ceil_mode|auto_pad)$/.test(name!)
        ? [`${name} ${ints?.length ? ints.map(Number) : f || Number(i)}`]
        : [],
    );
    found.add(attributes.length > 0 ? `${node.opType} (${attributes.join('; ')})` : node.opType!);
    open.push(...(node.input ?? []));
  }
  return [...found].reverse();
}
