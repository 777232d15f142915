import { dirname, isAbsolute, join, normalize } from 'node:path';
import onnxProto from 'onnx-proto';
import { messageOf, UserError } from '../base/errors.js';
import { readFileOrExplain } from '../base/files.js';

const { onnx } = onnxProto;

export type OnnxFile = onnxProto.onnx.ModelProto;
export type OnnxTensor = onnxProto.onnx.ITensorProto;

/** `dataLocation` of a tensor whose bytes are in another file. */
const EXTERNAL = 1;

/**
 * Reads an ONNX file. Tensors that it keeps in other files of the same folder ("external data") are read into the model.
 *
 * @throws UserError if the file, or one that it refers to, is missing or not what it should be
 */
export function readModel(path: string): OnnxFile {
  const model = decode(readFileOrExplain(path, 'a trained network'), path);
  const opened = new Map<string, Buffer>();
  for (const tensor of model.graph!.initializer ?? []) {
    if (tensor.dataLocation === EXTERNAL) embed(tensor, path, opened);
  }
  return model;
}

function decode(bytes: Uint8Array, path: string): OnnxFile {
  try {
    const model = onnx.ModelProto.decode(bytes);
    if (!model.graph?.node?.length) throw new Error('no graph');
    return model;
  } catch (thrown) {
    throw new UserError(`${path}: expected an ONNX model, found something else (${messageOf(thrown)})`);
  }
}

/** Replaces a reference to another file by the bytes. */
function embed(tensor: OnnxTensor, path: string, opened: Map<string, Buffer>): void {
  const entries = Object.fromEntries((tensor.externalData ?? []).map(({ key, value }) => [key, value ?? '']));
  const { location = '', offset = '0', length } = entries;
  const local = normalize(location);
  if (local === '.' || isAbsolute(local) || local.startsWith('..')) {
    throw new UserError(`${path}: expected the data of ${tensor.name} in the model's folder, found ${location}`);
  }
  const file = join(dirname(path), local);
  const bytes = opened.get(file) ?? readFileOrExplain(file, `the data of ${path}`);
  opened.set(file, bytes);
  const start = Number(offset);
  const end = length === undefined ? bytes.length : start + Number(length);
  if (!(start >= 0 && end <= bytes.length)) {
    throw new UserError(
      `${file}: expected bytes ${start} to ${end} for ${tensor.name}, found ${bytes.length} bytes; copy the file again`,
    );
  }
  tensor.rawData = bytes.subarray(start, end);
  tensor.dataLocation = 0;
  tensor.externalData = [];
}
