import { toHalf } from '../base/half.js';
import { DATATYPES, type Datatype, type Values } from '../bundle/datatypes.js';
import { BadRequest } from './bad-request.js';
import { Refusal } from './errors.js';
import { checkJsonLimits, type JsonLimits } from './json-limits.js';
import { type InferRequestJson, isUsualRequest, requestSchema } from './request-schema.js';

/**
 * The Open Inference Protocol v2 over REST with the binary tensor extension: parses requests and formats answers. A body is
 * JSON, followed by the bytes of those tensors that the JSON declares as binary (little endian, row-major). The header
 * `Inference-Header-Content-Length` is the length of the JSON.
 */

/** The header with the length of the JSON part of a body with binary tensors. */
export const JSON_LENGTH_HEADER = 'inference-header-content-length';

/** Name, shape (without the batch) and datatype of a tensor. */
export interface TensorInfo {
  readonly name: string;
  readonly shape: readonly number[];
  /** Default: FP32. */
  readonly datatype?: Datatype;
}

/** Input and output of a model. The output is FP32. */
export interface ModelTensors {
  readonly input: TensorInfo;
  readonly output: TensorInfo;
  readonly maxBatch: number;
  /** Version of its bundle. Requests for another version are refused. */
  readonly version?: string;
}

/** A valid request. */
export interface InferRequest {
  readonly id?: string;
  readonly batch: number;
  /** [batch, ...input shape], in the input's datatype. */
  readonly values: Values;
  /** Whether the client wants the output in binary. */
  readonly binaryOutput: boolean;
  /** Microseconds that the client is willing to wait. */
  readonly timeout?: number;
  /** Version of the bundle whose branch made the tensor. Another version's tail can't use it. */
  readonly version?: string;
  /** Images that the client's branch has answered since its last request. */
  readonly exits?: number;
  /** What the client's branch found for a single image: normalised entropy and class. */
  readonly entropy?: number;
  readonly branch?: number;
  /** Whether the branch was certain, and the image was sent only as an audit sample. */
  readonly audit?: boolean;
  /** The client's threshold, if it differs from the manifest's. */
  readonly tau?: number;
}

/** Largest JSON part of a request with binary tensors, and allowance for everything but the tensor in other requests. */
export const MAX_HEAD_BYTES = 8192;
/** Characters of a value in JSON, with comma and space. */
const JSON_CHARACTERS: Record<Datatype, number> = { FP32: 25, FP16: 25, UINT8: 5 };

/** The longest body that a valid request needs, uncompressed. */
export function maxBodyBytes({ input, maxBatch }: ModelTensors, isBinary: boolean): number {
  const { datatype = 'FP32' } = input;
  const bytesPerValue = isBinary ? DATATYPES[datatype].bytes : JSON_CHARACTERS[datatype];
  return MAX_HEAD_BYTES + bytesPerValue * maxBatch * product(input.shape);
}

/** Bounds for the JSON of a valid request, whose tensor may be nested as its shape is. Unknown fields are allowed. */
function jsonLimitsOf({ input: { shape }, maxBatch }: ModelTensors): JsonLimits {
  const nestedArrays = shape.reduce(({ arrays, total }, size) => ({ arrays: arrays * size, total: total + arrays }), {
    arrays: maxBatch,
    total: 0,
  }).total;
  return {
    depth: shape.length + 8,
    objects: 32,
    fields: 256,
    arrays: nestedArrays + 32,
    elements: maxBatch * product(shape) + 256,
  };
}

/**
 * Parses the body of an infer request. All lengths and names are checked before the tensor is created.
 *
 * @param body uncompressed
 * @param jsonLength value of `Inference-Header-Content-Length`, if the request has this header
 * @throws BadRequest that says what was expected and what was found; Refusal (409) for another version
 */
export function parseInferRequest(body: Uint8Array, jsonLength: string | undefined, model: ModelTensors): InferRequest {
  const jsonBytes = jsonLength === undefined ? body.length : Number(jsonLength);
  if (!/^\d{1,10}$/.test(jsonLength ?? '0') || jsonBytes > body.length) {
    throw new BadRequest(
      `${JSON_LENGTH_HEADER}: expected at most the body's ${body.length} bytes, found ${jsonLength}`,
    );
  }
  if (jsonLength !== undefined && jsonBytes > MAX_HEAD_BYTES) {
    throw new BadRequest(
      `${JSON_LENGTH_HEADER}: expected at most ${MAX_HEAD_BYTES} bytes of JSON, found ${jsonLength}`,
    );
  }
  const { id, parameters, inputs, outputs } = parseJson(body.subarray(0, jsonBytes), jsonLimitsOf(model));
  // First of all: another version may have other tensors, and its clients need to know that they must reload.
  const { version } = parameters ?? {};
  if (version !== undefined && model.version !== undefined && version !== model.version) {
    throw new Refusal(409, `version: expected ${model.version}, found ${version}; load the bundle again`);
  }
  const [input] = inputs;
  const { input: expected, output } = model;
  if (input.name !== expected.name) throw mismatch('input', expected.name, input.name);
  if (outputs && outputs[0].name !== output.name) throw mismatch('output', output.name, outputs[0].name);
  const { datatype = 'FP32' } = expected;
  if (input.datatype !== datatype) throw mismatch('datatype', datatype, input.datatype);
  const batch = input.shape[0];
  const fits =
    input.shape.length === expected.shape.length + 1 && expected.shape.every((n, i) => n === input.shape[i + 1]);
  if (!fits || batch < 1 || batch > model.maxBatch) {
    throw mismatch('shape', `[1..${model.maxBatch}, ${expected.shape.join(', ')}]`, `[${input.shape.join(', ')}]`);
  }
  const count = batch * product(expected.shape);
  const tensor = body.subarray(jsonBytes);
  const size = input.parameters?.binary_data_size;
  const values =
    size === undefined
      ? fromJson(input.data, datatype, count, expected.shape.length, tensor)
      : fromBytes(tensor, size, datatype, count);
  if (!ARE_FINITE[datatype](values)) {
    throw new BadRequest(`data: expected finite ${datatype} values, found NaN or Infinity`);
  }
  const { timeout, exits, entropy, branch, audit, tau } = parameters ?? {};
  const binaryOutput = outputs?.[0].parameters?.binary_data ?? parameters?.binary_data_output ?? false;
  return { id, batch, values, binaryOutput, timeout, version, exits, entropy, branch, audit, tau };
}

/** A model as answers name it. */
type AnsweringModel = ModelTensors & { readonly name: string; readonly version: string };

/** Formats the answer to a request. */
export function formatInferResponse(
  { id, batch, binaryOutput }: InferRequest,
  values: Float32Array,
  model: AnsweringModel,
): { headers: Record<string, string>; body: Uint8Array } {
  if (!binaryOutput) {
    const body = formatHead(model, id, batch, { data: Array.from(values) });
    return { headers: { 'content-type': 'application/json' }, body };
  }
  const head =
    id === undefined ? commonHead(model, batch) : formatHead(model, id, batch, binaryData(values.byteLength));
  return {
    headers: { 'content-type': 'application/octet-stream', [JSON_LENGTH_HEADER]: String(head.length) },
    body: Buffer.concat([head, new Uint8Array(values.buffer, values.byteOffset, values.byteLength)]),
  };
}

function formatHead(model: AnsweringModel, id: string | undefined, batch: number, content: object): Buffer {
  const tensor = { name: model.output.name, shape: [batch, ...model.output.shape], datatype: 'FP32' };
  const outputs = [{ ...tensor, ...content }];
  return Buffer.from(JSON.stringify({ model_name: model.name, model_version: model.version, id, outputs }));
}

const binaryData = (bytes: number): object => ({ parameters: { binary_data_size: bytes } });

/** The heads of binary answers without an id, by number of images: formatting them takes longer than the rest of an answer. */
const commonHeads = new WeakMap<AnsweringModel, Buffer[]>();

function commonHead(model: AnsweringModel, batch: number): Buffer {
  const heads = commonHeads.get(model) ?? [];
  commonHeads.set(model, heads);
  heads[batch] ??= formatHead(model, undefined, batch, binaryData(4 * batch * product(model.output.shape)));
  return heads[batch];
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function parseJson(bytes: Uint8Array, limits: JsonLimits): InferRequestJson {
  checkJsonLimits(bytes, limits);
  let content: unknown;
  try {
    content = JSON.parse(utf8.decode(bytes));
  } catch {
    throw new BadRequest('body: expected JSON of an inference request, found text that is not JSON');
  }
  if (isUsualRequest(content)) return content;
  const parsed = requestSchema.safeParse(content);
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0];
  throw new BadRequest(`${path.join('.') || 'body'}: ${message}`);
}

/** One pass for each request: these loops take a third of the time of a small network. */
const ARE_FINITE: Record<Datatype, (values: Values) => boolean> = {
  FP32(values) {
    let sum = 0;
    for (let i = 0; i < values.length; i++) sum += 0 * values[i]; // NaN also for Infinity
    return sum === 0;
  },
  FP16(values) {
    for (let i = 0; i < values.length; i++) if ((values[i] & 0x7c00) === 0x7c00) return false;
    return true;
  },
  UINT8: () => true,
};

/** Reads values in JSON, flat or nested like the shape. @param dimensions of an image's tensor */
function fromJson(data: unknown, datatype: Datatype, count: number, dimensions: number, tensor: Uint8Array): Values {
  if (tensor.length > 0) throw mismatch('body', 'no bytes after the JSON', `${tensor.length}`);
  const flat: unknown[] = Array.isArray(data) ? data.flat(dimensions as 1) : [];
  if (flat.length !== count) throw mismatch('data', `${count} values`, `${flat.length}`);
  if (!flat.every((value) => typeof value === 'number')) throw new BadRequest('data: expected numbers only');
  const numbers = flat as number[];
  if (datatype === 'FP32') return Float32Array.from(numbers);
  if (datatype === 'FP16') return Uint16Array.from(numbers, toHalf);
  const odd = numbers.find((value) => !(Number.isInteger(value) && value >= 0 && value <= 255));
  if (odd !== undefined) throw mismatch('data', 'whole numbers from 0 to 255', `${odd}`);
  return Uint8Array.from(numbers);
}

function fromBytes(tensor: Uint8Array, size: number, datatype: Datatype, count: number): Values {
  const { bytes, array } = DATATYPES[datatype];
  if (size !== bytes * count) throw mismatch('binary_data_size', `${bytes * count}`, `${size}`);
  if (tensor.length !== size) throw mismatch('body', `${size} bytes after the JSON`, `${tensor.length}`);
  // Arrays of larger elements must start at a multiple of their size, or be copied.
  const { buffer, byteOffset } = tensor.byteOffset % bytes === 0 ? tensor : new Uint8Array(tensor);
  return new array(buffer as ArrayBuffer, byteOffset, count);
}

function mismatch(what: string, expected: string, found: string): BadRequest {
  return new BadRequest(`${what}: expected ${expected}, found ${found}`);
}

function product(shape: readonly number[]): number {
  return shape.reduce((all, size) => all * size, 1);
}
