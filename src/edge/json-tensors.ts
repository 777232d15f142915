import { z } from 'zod';
import { fromHalf } from '../base/half.js';
import { DATATYPES, type Datatype, type Values } from '../bundle/datatypes.js';
import { JSON_LENGTH_HEADER, MAX_HEAD_BYTES } from './protocol.js';
import { requestSchema } from './request-schema.js';

/* Tensors in JSON, for servers of the Open Inference Protocol without the extension for binary tensors. */

/** The extension of servers that read and write binary tensors, as `/v2` lists it. */
export const BINARY_EXTENSION = 'binary_tensor_data';

/** Whether a server lists the extension for binary tensors. Some have it without listing it. */
export function listsBinaryTensors(metadata: unknown): boolean {
  const parsed = z.object({ extensions: z.array(z.string()) }).safeParse(metadata);
  return parsed.success && parsed.data.extensions.includes(BINARY_EXTENSION);
}

/** The values of a tensor as JSON has them. */
export const numbersOf = (values: Values, datatype: Datatype): number[] =>
  Array.from(values, datatype === 'FP16' ? fromHalf : Number);

/**
 * An infer request with its binary tensor written as numbers.
 *
 * @param body uncompressed; its first `jsonLength` bytes are JSON
 * @returns undefined if the request is invalid, or its JSON is longer than any valid one
 */
export function requestInJson(
  body: Uint8Array,
  jsonLength: number,
): { readonly json: string; readonly binaryOutput: boolean } | undefined {
  if (!(jsonLength <= MAX_HEAD_BYTES)) return undefined;
  const parsed = requestSchema.safeParse(parseJson(Buffer.from(body.subarray(0, jsonLength)).toString()));
  if (!parsed.success) return undefined;
  const { parameters: { binary_data_output = false, ...parameters } = {}, outputs, inputs, ...rest } = parsed.data;
  const [{ parameters: size, data: _, ...input }] = inputs;
  if (!Object.hasOwn(DATATYPES, input.datatype)) return undefined;
  const datatype = input.datatype as Datatype;
  const bytes = Uint8Array.from(body.subarray(jsonLength)); // starts at a multiple of every element's size
  if (bytes.length !== size?.binary_data_size || bytes.length % DATATYPES[datatype].bytes !== 0) return undefined;
  const data = numbersOf(new DATATYPES[datatype].array(bytes.buffer), datatype);
  const names = outputs?.map(({ name }) => ({ name }));
  return {
    json: JSON.stringify({ ...rest, parameters, inputs: [{ ...input, data }], outputs: names }),
    binaryOutput: outputs?.[0].parameters?.binary_data ?? binary_data_output,
  };
}

const answerSchema = z.looseObject({
  outputs: z.array(z.looseObject({ datatype: z.string(), data: z.array(z.number()) })).min(1),
});

/** The values of the first output in an answer. @throws Error if it isn't an answer */
export const outputIn = (json: string): number[] => answerSchema.parse(JSON.parse(json)).outputs[0].data;

/** An answer with its outputs in binary (FP32); undefined if the text isn't an answer. */
export function answerInBinary(json: string): { headers: Record<string, string>; body: Buffer } | undefined {
  const parsed = answerSchema.safeParse(parseJson(json));
  if (!parsed.success) return undefined;
  const tensors = parsed.data.outputs.map(({ data }) => Buffer.from(Float32Array.from(data).buffer));
  const outputs = parsed.data.outputs.map(({ data: _, ...output }, i) => ({
    ...output,
    datatype: 'FP32',
    parameters: { binary_data_size: tensors[i].length },
  }));
  const head = Buffer.from(JSON.stringify({ ...parsed.data, outputs }));
  return {
    headers: { 'content-type': 'application/octet-stream', [JSON_LENGTH_HEADER]: `${head.length}` },
    body: Buffer.concat([head, ...tensors]),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
