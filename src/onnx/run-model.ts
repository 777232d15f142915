import onnxProto from 'onnx-proto';
import { messageOf, UserError } from '../base/errors.js';
import { InferenceSession, Tensor } from '../base/onnxruntime.js';
import type { OnnxFile } from './read-model.js';

const { onnx } = onnxProto;

/** The image that a model reads. */
export interface ImageInput {
  readonly name: string;
  /** Whether channels come before rows and columns (NCHW). */
  readonly channelsFirst: boolean;
  /** A float tensor for one NHWC image, in the order of axes that the model reads. */
  readonly tensorOf: (image: Float32Array) => Tensor;
}

/** Element type of the model's first input, and the sizes of its axes; 0 if a size isn't fixed. */
export function inputDims({ graph }: OnnxFile): {
  readonly names: string[];
  readonly dims: number[];
  readonly type: number | undefined;
} {
  const stored = new Set(graph!.initializer!.map(({ name }) => name));
  const inputs = graph!.input!.filter(({ name }) => !stored.has(name));
  const { shape, elemType } = inputs[0]?.type?.tensorType ?? {};
  const dims = shape?.dim?.map(({ dimValue }) => Math.max(0, Number(dimValue ?? 0))) ?? [];
  return { names: inputs.map(({ name }) => name!), dims, type: elemType ?? undefined };
}

/** Element type of float32 in ONNX. */
const { FLOAT } = onnx.TensorProto.DataType;

/** The model's input for images of this shape. @throws UserError if it has none */
export function imageInput(
  model: OnnxFile,
  path: string,
  [height, width, channels]: readonly [number, number, number],
): ImageInput {
  const { names, dims, type } = inputDims(model);
  const fits = (expected: readonly number[]) =>
    dims.length === 4 && dims.every((size, axis) => size === 0 || axis === 0 || size === expected[axis]);
  const channelsFirst = fits([1, channels, height, width]) && !isTurnedAtOnce(model, names[0], dims);
  if (names.length !== 1 || !(channelsFirst || fits([1, height, width, channels]))) {
    throw new UserError(
      `${path}: expected one input for images of ${height}x${width}x${channels}, found ${names.length} inputs, the ` +
        `first of shape [${dims.map((size) => size || '?').join(', ')}]; give --image-size as the file was exported, ` +
        'or export it for other sizes',
    );
  }
  if (type !== FLOAT) {
    const found = Object.entries(onnx.TensorProto.DataType).find(([, code]) => code === type)?.[0];
    throw new UserError(
      `${path}: expected an input of normalised numbers (FLOAT), found ${found}; export the network without the ` +
        'conversion and normalisation of its images, and give --mean and --std',
    );
  }
  if (dims[0] > 1) {
    throw new UserError(
      `${path}: expected a model for one image at a time, found one for ${dims[0]}; export it with a batch of 1 or of any size`,
    );
  }
  const pixels = height * width;
  return {
    name: names[0],
    channelsFirst,
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

/** Whether a model that leaves its axes open begins by moving the channels to the front. */
function isTurnedAtOnce({ graph }: OnnxFile, input: string, dims: readonly number[]): boolean {
  if (dims.slice(1).some((size) => size !== 0)) return false;
  const first = graph!.node!.find((node) => node.input?.includes(input));
  const perm = first?.attribute?.find(({ name }) => name === 'perm')?.ints;
  return first?.opType === 'Transpose' && `${perm?.map(Number)}` === '0,3,1,2';
}

/** Runs an opened model. @throws UserError if its tensors don't fit each other */
export async function runSession(
  session: InferenceSession,
  feeds: Record<string, Tensor>,
  origin: string,
): Promise<Record<string, Tensor>> {
  try {
    return (await session.run(feeds)) as Record<string, Tensor>;
  } catch (thrown) {
    throw new UserError(
      `${origin}: expected a model that ONNX Runtime can run on one image, found one that fails (${messageOf(thrown)})`,
    );
  }
}

/** The model with these tensors among its outputs. ONNX Runtime finds out their types. */
export function exposing(model: OnnxFile, tensors: Iterable<string>): Uint8Array {
  const outputs = new Set(model.graph!.output!.map(({ name }) => name));
  const added = [...new Set(tensors)].filter((name) => !outputs.has(name)).map((name) => ({ name }));
  const graph = { ...model.graph, output: [...model.graph!.output!, ...added] };
  return onnx.ModelProto.encode({ ...model, graph }).finish();
}

/** Opens a model as it is, or faster. @param origin of the model, for messages */
export async function openSession(
  model: Uint8Array,
  origin: string,
  options: InferenceSession.SessionOptions = {},
): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(model, { logSeverityLevel: 3, ...options });
  } catch (thrown) {
    throw new UserError(
      `${origin}: expected a model that ONNX Runtime can run, found one that it refuses (${messageOf(thrown)})`,
    );
  }
}
