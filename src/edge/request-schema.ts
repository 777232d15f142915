import { z } from 'zod';

/** Clients may send fractions as text, because some servers of the protocol only allow whole numbers. */
const number = z.union([z.number(), z.string().max(32).regex(/^-?\d/).transform(Number).pipe(z.number())]);

const parametersSchema = z.object({
  binary_data_output: z.boolean().optional(),
  timeout: z.int().positive().optional(),
  version: z.string().max(64).optional(),
  exits: z.int().nonnegative().max(1_000_000).optional(),
  entropy: number.pipe(z.number().min(0).max(1)).optional(),
  branch: z.int().nonnegative().optional(),
  audit: z.boolean().optional(),
  tau: number.optional(),
});

export const requestSchema = z.object({
  id: z.string().max(256).optional(),
  parameters: parametersSchema.optional(),
  inputs: z
    .array(
      z.object({
        name: z.string(),
        shape: z.array(z.int().nonnegative()).max(8),
        datatype: z.string(),
        parameters: z.object({ binary_data_size: z.int().nonnegative().optional() }).optional(),
        data: z.unknown().optional(),
      }),
    )
    .length(1),
  outputs: z
    .array(z.object({ name: z.string(), parameters: z.object({ binary_data: z.boolean().optional() }).optional() }))
    .length(1)
    .optional(),
});

/** The JSON of an infer request. */
export type InferRequestJson = z.infer<typeof requestSchema>;

/**
 * Whether content is a request as the loader and other clients usually send it: it fits the schema, and the schema would
 * change nothing in it. The schema itself takes as long as parsing the JSON, so it only sees the others.
 */
export function isUsualRequest(content: unknown): content is InferRequestJson {
  if (!isObject(content)) return false;
  const { id, parameters, inputs, outputs } = content;
  return (
    isText(id, 256) &&
    (parameters === undefined || (isObject(parameters) && areUsualParameters(parameters))) &&
    Array.isArray(inputs) &&
    inputs.length === 1 &&
    isUsualInput(inputs[0]) &&
    (outputs === undefined || (Array.isArray(outputs) && outputs.length === 1 && isUsualOutput(outputs[0])))
  );
}

type Fields = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

// Fields that may be missing.
const isText = (value: unknown, longest: number): boolean =>
  value === undefined || (typeof value === 'string' && value.length <= longest);
const isCount = (value: unknown, least = 0, most = Number.MAX_SAFE_INTEGER): boolean =>
  value === undefined || (Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most);
const isNumber = (value: unknown, least = -Infinity, most = Infinity): boolean =>
  value === undefined || (Number.isFinite(value) && (value as number) >= least && (value as number) <= most);
const isFlag = (value: unknown): boolean => value === undefined || typeof value === 'boolean';

function areUsualParameters(parameters: Fields): boolean {
  const { binary_data_output, timeout, version, exits, entropy, branch, audit, tau } = parameters;
  return (
    isFlag(binary_data_output) &&
    isCount(timeout, 1) &&
    isText(version, 64) &&
    isCount(exits, 0, 1_000_000) &&
    isNumber(entropy, 0, 1) &&
    isCount(branch) &&
    isFlag(audit) &&
    isNumber(tau)
  );
}

function isUsualInput(input: unknown): boolean {
  if (!isObject(input)) return false;
  const { name, shape, datatype, parameters } = input;
  return (
    typeof name === 'string' &&
    typeof datatype === 'string' &&
    Array.isArray(shape) &&
    shape.length <= 8 &&
    shape.every((size) => size !== undefined && isCount(size)) &&
    (parameters === undefined || (isObject(parameters) && isCount(parameters['binary_data_size'])))
  );
}

function isUsualOutput(output: unknown): boolean {
  if (!isObject(output)) return false;
  const { name, parameters } = output;
  const isUsual = parameters === undefined || (isObject(parameters) && isFlag(parameters['binary_data']));
  return typeof name === 'string' && isUsual;
}
