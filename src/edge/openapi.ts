import { z } from 'zod';
import { JSON_LENGTH_HEADER } from './protocol.js';
import { usageSchema } from './read-usage-counts.js';
import { requestSchema } from './request-schema.js';

/** A JSON schema (2020-12, as OpenAPI 3.1 has it) of what clients send or receive. */
const schemaOf = (schema: z.ZodType) => {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input' });
  return rest;
};

const tensorInfo = z.object({ name: z.string(), datatype: z.string(), shape: z.array(z.int()) });
const SCHEMAS = {
  InferRequest: requestSchema,
  InferResponse: z.object({
    model_name: z.string(),
    model_version: z.string(),
    id: z.string().optional(),
    outputs: z.array(tensorInfo.extend({ data: z.array(z.number()) })),
  }),
  Server: z.object({ name: z.string(), version: z.string(), extensions: z.array(z.string()) }),
  Model: z.object({
    name: z.string(),
    versions: z.array(z.string()),
    platform: z.string(),
    inputs: z.array(tensorInfo),
    outputs: z.array(tensorInfo),
  }),
  Live: z.object({ live: z.boolean() }),
  Ready: z.object({ ready: z.boolean() }),
  ModelReady: z.object({ name: z.string(), ready: z.boolean() }),
  Usage: usageSchema,
  Error: z.object({ error: z.string() }),
};

const json = (name: keyof typeof SCHEMAS, description: string) => ({
  description,
  content: { 'application/json': { schema: { $ref: `#/components/schemas/${name}` } } },
});

/** Errors that any route may have, and those of inference. */
const COMMON_ERRORS = { 400: 'Invalid request', 404: 'No such model, version or file' };
const INFER_ERRORS = {
  ...COMMON_ERRORS,
  408: 'The request did not arrive in time',
  409: 'Another version of the bundle serves',
  413: 'The body is too long',
  415: 'Unknown content encoding',
  503: 'Overloaded, or the model is restarting; see Retry-After',
  504: "The client's own timeout is over",
};
const ACCESS_ERRORS = { 401: 'The token is missing or wrong', 429: 'Too many requests of one client' };

const errors = (descriptions: Readonly<Record<number, string>>) =>
  Object.fromEntries(Object.entries(descriptions).map(([status, text]) => [status, json('Error', text)]));

const parameter = (name: string) => ({ name, in: 'path', required: true, schema: { type: 'string' } });
const get = (summary: string, responses: object, parameters: object[] = []) => ({
  get: { summary, parameters, responses: { ...responses, ...errors(COMMON_ERRORS) } },
});

/** The protocol of an edge server as an OpenAPI 3.1 document, with the schemas that check its requests. */
export function openApiDocument(): object {
  const schemas = Object.fromEntries(Object.entries(SCHEMAS).map(([name, schema]) => [name, schemaOf(schema)]));
  return {
    openapi: '3.1.0',
    info: {
      title: 'lcdnn serve',
      version: 'v2',
      description: 'Open Inference Protocol v2 over REST, with the binary tensor extension.',
    },
    paths: {
      '/v2': get('Name and extensions of the server', { 200: json('Server', 'The server') }),
      '/v2/health/live': get('Whether the server runs', {
        200: json('Live', 'It runs'),
        503: json('Live', 'A model was given up'),
      }),
      '/v2/health/ready': get('Whether the server accepts requests', {
        200: json('Ready', 'It does'),
        503: json('Ready', 'It does not'),
      }),
      ...modelPaths('/v2/models/{model}', [parameter('model')]),
      ...modelPaths('/v2/models/{model}/versions/{version}', [parameter('model'), parameter('version')]),
      '/metrics': protectedGet('Prometheus metrics', { description: 'Metrics', content: { 'text/plain': {} } }),
      '/lcdnn/use': protectedGet('What was learned about the threshold from use', json('Usage', 'Counts by model')),
    },
    components: { schemas, securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
  };
}

const protectedGet = (summary: string, ok: object) => ({
  get: {
    summary,
    security: [{ token: [] }, {}],
    responses: { 200: ok, ...errors({ ...COMMON_ERRORS, ...ACCESS_ERRORS }) },
  },
});

function modelPaths(path: string, parameters: object[]) {
  return {
    [path]: get('Tensors and versions of a model', { 200: json('Model', 'The model') }, parameters),
    [`${path}/ready`]: get(
      'Whether a model accepts requests',
      { 200: json('ModelReady', 'It does'), 503: json('ModelReady', 'It does not') },
      parameters,
    ),
    [`${path}/infer`]: {
      post: {
        summary: 'Logits for a batch of images',
        parameters: [
          ...parameters,
          {
            name: JSON_LENGTH_HEADER,
            in: 'header',
            description: 'Length of the JSON part, if tensors follow it in binary.',
            schema: { type: 'integer', minimum: 0, maximum: 8192 },
          },
        ],
        security: [{ token: [] }, {}],
        requestBody: {
          required: true,
          content: {
            'application/json': { schema: { $ref: '#/components/schemas/InferRequest' } },
            'application/octet-stream': {},
          },
        },
        responses: {
          200: {
            description: 'Logits',
            content: {
              'application/json': { schema: { $ref: '#/components/schemas/InferResponse' } },
              'application/octet-stream': {},
            },
          },
          ...errors({ ...INFER_ERRORS, ...ACCESS_ERRORS }),
        },
      },
    },
  };
}
