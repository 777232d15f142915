import { readFileSync } from 'node:fs';
import onnxProto from 'onnx-proto';
import { messageOf, UserError } from '../base/errors.js';
import { InferenceSession, Tensor } from '../base/onnxruntime.js';
import { random } from '../base/random.js';
import type { NamedArrays } from '../base/tensors.js';
import { chainModel, TAIL_INPUT } from '../export/float-model.js';
import { isBranch, type JointNetwork } from '../network/layers.js';
import { featuresOf, placeLayers } from '../network/shapes.js';
import { inSinglePrecision } from '../onnx/single-precision.js';
import { readSource } from '../train/warm-start/source.js';
import type { SourceLayer } from '../train/warm-start/source-layer.js';
import { matchSource } from '../train/warm-start/warm-start.js';

const { onnx } = onnxProto;
type Model = onnxProto.onnx.ModelProto;

/** Largest difference between the two networks, as a share of the largest absolute value that the file computes. */
const TOLERANCE = 1e-4;
const RANDOM_IMAGES = 4;
/** ONNX operators whose outputs are compared if the logits differ: those that our networks have parameters for. */
const WITH_PARAMETERS = new Set(['Conv', 'Gemm', 'BatchNormalization', 'PRelu']);

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
 * @throws UserError if the file can't run on such images, or computes something else; it names the first layer that differs
 */
export async function checkImport(
  path: string,
  network: JointNetwork,
  state: NamedArrays,
  images: Float32Array,
): Promise<ImportCheck> {
  const size = featuresOf(network.input);
  const samples = [
    ...Array.from({ length: RANDOM_IMAGES }, (_, i) => normalImage(i + 1, size)),
    ...Array.from({ length: images.length / size }, (_, i) => images.subarray(i * size, (i + 1) * size)),
  ];
  const theirs = openModel(path, network);
  const { pairs, last } = comparedTensors(path, network);
  const theirLogits = theirs.model.graph!.output![0].name!;
  const hasOwnClasses = last === undefined || last.tensors.weight?.shape[0] === network.classes;
  const [compared, theirTensor] = hasOwnClasses
    ? ['logits' as const, theirLogits]
    : ['features' as const, last.graph!.input];
  const [theirOutputs, ourOutputs] = [
    [theirTensor, ...pairs.map(({ source }) => source.graph!.output)],
    pairs.map(({ index }) => index),
  ];
  const [file, ours] = await Promise.all([
    session(exposing(theirs.model, theirOutputs), path),
    openOurs(network, state, compared, ourOutputs),
  ]);
  try {
    let worst = 0;
    for (const image of samples) {
      const want = await file.run({ [theirs.input]: theirs.tensorOf(image) });
      const got = await ours.run(image);
      const off = difference(inOrder(got.result, compared), inOrder(want[theirTensor].data as Float32Array, compared));
      worst = Math.max(worst, off);
      if (off <= TOLERANCE) continue;
      const first = pairs.findIndex(
        ({ source }, i) => difference(got.layers[i], want[source.graph!.output].data as Float32Array) > TOLERANCE,
      );
      throw differs(path, network, theirs.model, off, pairs, first);
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
function comparedTensors(path: string, network: JointNetwork): { pairs: Pair[]; last: SourceLayer | undefined } {
  const { targets, matched } = matchSource(network, readSource(path));
  const pairs = targets.flatMap(({ part, layer }, index): Pair[] => {
    const source = matched[index];
    // The exporter folded the next normalisation into this convolution: only that one's output is the same.
    const isFolded = source !== undefined && matched[index + 1]?.name === source.name;
    // A layer that was made of another one's bias has no tensor of its own.
    if (!source || isFolded) return [];
    const own = source.graph ? source : matched[index - 1];
    return own?.graph ? [{ name: `${part}.${'name' in layer ? layer.name : layer.type}`, index, source: own }] : [];
  });
  return { pairs, last: matched.at(-1) };
}

interface OpenModel {
  readonly model: Model;
  readonly input: string;
  readonly tensorOf: (image: Float32Array) => Tensor;
}

function openModel(path: string, { input: [height, width, channels] }: JointNetwork): OpenModel {
  const model = inSinglePrecision(onnx.ModelProto.decode(readFileSync(path)));
  const stored = new Set(model.graph!.initializer!.map(({ name }) => name));
  const inputs = model.graph!.input!.filter(({ name }) => !stored.has(name));
  const dims = inputs[0]?.type?.tensorType?.shape?.dim?.map(({ dimValue }) => Number(dimValue ?? 0)) ?? [];
  const fits = (expected: readonly number[]) =>
    dims.length === 4 && dims.every((size, axis) => size === 0 || axis === 0 || size === expected[axis]);
  const shown = `[${dims.map((size) => size || '?').join(', ')}]`;
  if (inputs.length !== 1 || !(fits([1, channels, height, width]) || fits([1, height, width, channels]))) {
    throw new UserError(
      `${path}: expected one input for images of ${height}x${width}x${channels}, found ${inputs.length} inputs, the ` +
        `first of shape ${shown}; give --image-size as the file was exported, or export it for other sizes`,
    );
  }
  const channelsFirst = fits([1, channels, height, width]);
  const pixels = height * width;
  return {
    model,
    input: inputs[0].name!,
    tensorOf: (image) =>
      channelsFirst
        ? new Tensor(
            'float32',
            image.map((_, i) => image[(i % pixels) * channels + Math.floor(i / pixels)]),
            [1, channels, height, width],
          )
        : new Tensor('float32', image.slice(), [1, height, width, channels]),
  };
}

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
  const opened = await session(exposing(model, [result, ...layers]), network.name);
  return {
    async run(image: Float32Array) {
      const found = await opened.run({ [TAIL_INPUT]: new Tensor('float32', image.slice(), [1, ...network.input]) });
      const values = (name: string) => found[name].data as Float32Array;
      return { result: values(result), layers: layers.map(values) };
    },
    release: () => opened.release(),
  };
}

/** The model with these tensors among its outputs. ONNX Runtime finds out their types. */
function exposing(model: Model, tensors: readonly string[]): Uint8Array {
  const outputs = new Set(model.graph!.output!.map(({ name }) => name));
  const added = [...new Set(tensors)].filter((name) => !outputs.has(name)).map((name) => ({ name }));
  const graph = { ...model.graph, output: [...model.graph!.output!, ...added] };
  return onnx.ModelProto.encode({ ...model, graph }).finish();
}

async function session(model: Uint8Array, path: string): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(model, { logSeverityLevel: 3 });
  } catch (thrown) {
    throw new UserError(
      `${path}: expected a model that ONNX Runtime can run, found one that it refuses (${messageOf(thrown)})`,
    );
  }
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
  { graph }: Model,
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
    `${begin}; the first layer that differs is ${name} (${source.name} in the file, which computes ` +
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

/** Values like those of normalised images. */
function normalImage(seed: number, size: number): Float32Array {
  const next = random(seed);
  return Float32Array.from(
    { length: size },
    () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
  );
}
