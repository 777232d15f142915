import type onnxProto from 'onnx-proto';
import type { InferenceSession, Tensor } from '../../base/onnxruntime.js';
import type { NamedArray } from '../../base/tensors.js';
import type { OnnxFile } from '../../onnx/read-model.js';
import { isFloat, readFloats, readIntegers } from '../../onnx/read-tensor.js';
import { exposing, type ImageInput, openSession, runSession } from '../../onnx/run-model.js';

export type GraphNode = onnxProto.onnx.INodeProto;

/** What one run of a model shows about its tensors. */
export interface Observed {
  /** The nodes that lead from the image to the output, in order. */
  readonly nodes: readonly GraphNode[];
  /** Sizes of a tensor's axes, for one image. */
  dims(tensor: string): readonly number[];
  /** Floating-point values of a tensor that doesn't depend on the image; undefined for other tensors. */
  floats(tensor: string | undefined): NamedArray | undefined;
  /** Whole numbers of a tensor that doesn't depend on the image; undefined for other tensors. */
  integers(tensor: string | undefined): number[] | undefined;
  /** How many nodes read a tensor. */
  readers(tensor: string): number;
}

/**
 * Runs a model once and looks at each tensor, so that shapes, and constants that the model computes from others, need no
 * rules of our own.
 *
 * @throws UserError if ONNX Runtime can't run the model
 */
export async function observeModel(
  model: OnnxFile,
  path: string,
  input: ImageInput,
  image: Float32Array,
  output: string,
): Promise<Observed> {
  const { live, constant } = sorted(model, input.name, output);
  const stored = new Map(model.graph!.initializer!.map((tensor) => [tensor.name!, tensor]));
  const made = live.flatMap((node) => node.output!.filter((name) => name !== ''));
  const session = await openSession(exposing(model, made), path, { graphOptimizationLevel: 'disabled' });
  const found = await runOnce(session, { [input.name]: input.tensorOf(image) }, path);
  const dims = new Map(Object.entries(found).map(([name, { dims: sizes }]) => [name, sizes]));
  const kept = new Map(Object.entries(found).filter(([name]) => constant.has(name)));
  const counts = new Map<string, number>();
  for (const name of live.flatMap((node) => node.input ?? [])) counts.set(name, (counts.get(name) ?? 0) + 1);
  return {
    nodes: live.filter(({ output }) => !constant.has(output![0])),
    dims: (name) => dims.get(name) ?? input.tensorOf(image).dims,
    floats(name = '') {
      const tensor = stored.get(name);
      if (tensor) return isFloat(tensor) ? readFloats(tensor, path) : undefined;
      const data = kept.get(name)?.data;
      return data instanceof Float32Array ? { shape: kept.get(name)!.dims, values: data } : undefined;
    },
    integers(name = '') {
      const tensor = stored.get(name);
      if (tensor) return readIntegers(tensor);
      const data = kept.get(name)?.data;
      return data instanceof BigInt64Array || data instanceof Int32Array || data instanceof Uint8Array
        ? Array.from(data as ArrayLike<number | bigint>, Number)
        : undefined;
    },
    readers: (name) => counts.get(name) ?? 0,
  };
}

async function runOnce(session: InferenceSession, feeds: Record<string, Tensor>, path: string) {
  try {
    return await runSession(session, feeds, path);
  } finally {
    await session.release();
  }
}

/** The nodes that an output depends on, in order, and the names of tensors that don't depend on the image's values. */
function sorted(
  { graph }: OnnxFile,
  input: string,
  output: string,
): { readonly live: readonly GraphNode[]; readonly constant: ReadonlySet<string> } {
  const wanted = new Set([output]);
  const live = [...graph!.node!].reverse().filter((node) => {
    if (!node.output!.some((name) => wanted.has(name))) return false;
    for (const name of inputsOf(node)) wanted.add(name);
    return true;
  });
  const depends = new Set([input]);
  const constant = new Set<string>();
  for (const node of live.reverse()) {
    const isConstant = node.opType === 'Shape' || !inputsOf(node).some((name) => depends.has(name));
    for (const name of node.output!) (isConstant ? constant : depends).add(name);
  }
  return { live, constant };
}

/** The tensors that a node reads, also in the graphs inside it (of `If` and `Loop`). */
const inputsOf = ({ input, attribute }: GraphNode): string[] => [
  ...input!,
  ...(attribute ?? []).flatMap(({ g }) => (g?.node ?? []).flatMap(inputsOf)),
];
