import { type FastifyError, type FastifyInstance, fastify } from 'fastify';
import { messageOf } from '../base/errors.js';
import type { Bundle } from '../bundle/read-bundle.js';
import {
  formatInferResponse,
  inflateBody,
  JSON_LENGTH_HEADER,
  type ModelTensors,
  maxBodyBytes,
  parseInferRequest,
} from './protocol.js';
import { openTail, type Tail } from './tail.js';
import { serveWebFiles } from './web-files.js';

export interface EdgeServerOptions {
  /** Most images in one request (16). With the tensor's size it bounds the bodies that are read. */
  readonly maxBatch?: number;
  /** Origins of other sites whose pages may ask; `*` is any. Default: none but the server's own. */
  readonly cors?: readonly string[];
}

/**
 * The edge server of a bundle: hosts its web folder, and answers for the tail by the Open Inference Protocol v2.
 * Not listening yet; `close()` lets running requests end and frees the tail.
 *
 * @throws UserError where the bundle's tail is not what its manifest says.
 */
export async function createEdgeServer(bundle: Bundle, options: EdgeServerOptions = {}): Promise<FastifyInstance> {
  const { manifest } = bundle;
  const tail = await openTail(bundle);
  const model = {
    name: manifest.name,
    version: manifest.version,
    input: { name: manifest.tail.input, shape: manifest.tail.shape, datatype: manifest.tail.datatype },
    output: { name: manifest.tail.output, shape: [manifest.labels.length] },
    maxBatch: options.maxBatch ?? 16,
  };
  const app = fastify({ bodyLimit: maxBodyBytes(model), requestTimeout: 30_000, forceCloseConnections: 'idle' });
  app.addHook('onClose', () => tail.close());
  app.setNotFoundHandler((request, reply) =>
    reply.code(404).send({ error: `no ${request.method} ${request.url} here` }),
  );
  app.setErrorHandler((error: FastifyError, _request, reply) => {
    const status = error.statusCode ?? 500;
    if (status >= 500) process.stderr.write(`${error.stack}\n`);
    return reply.code(status).send({ error: status >= 500 ? 'the server failed; its log says why' : messageOf(error) });
  });
  if (options.cors?.length) allowOrigins(app, options.cors);
  serveProtocol(app, tail, model);
  serveWebFiles(app, bundle);
  return app;
}

function serveProtocol(
  app: FastifyInstance,
  tail: Tail,
  model: ModelTensors & { name: string; version: string },
): void {
  const { name, version, input, output } = model;
  const known = (asked: string) => {
    if (asked !== name) throw Object.assign(new Error(`no model ${asked} here; there is ${name}`), { statusCode: 404 });
  };
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));

  app.get('/v2', () => ({ name: 'lcdnn', version, extensions: ['binary_tensor_data'] }));
  app.get('/v2/health/live', () => ({ live: true }));
  app.get('/v2/health/ready', () => ({ ready: true }));
  app.get<{ Params: { model: string } }>('/v2/models/:model', ({ params }) => {
    known(params.model);
    const describe = (tensor: ModelTensors['input']) => ({
      name: tensor.name,
      datatype: tensor.datatype ?? 'FP32',
      shape: [-1, ...tensor.shape],
    });
    return {
      name,
      versions: [version],
      platform: 'onnx_onnxv1',
      inputs: [describe(input)],
      outputs: [describe(output)],
    };
  });
  app.get<{ Params: { model: string } }>('/v2/models/:model/ready', ({ params }) => {
    known(params.model);
    return { name, ready: true };
  });
  app.post<{ Params: { model: string } }>('/v2/models/:model/infer', async (request, reply) => {
    known(request.params.model);
    const started = performance.now();
    const jsonLength = request.headers[JSON_LENGTH_HEADER]?.toString();
    const sent = (request.body as Buffer | undefined) ?? Buffer.alloc(0);
    const body = await inflateBody(sent, request.headers['content-encoding'], maxBodyBytes(model));
    const asked = parseInferRequest(body, jsonLength, model);
    const parsed = performance.now();
    const logits = await tail.infer(asked.values, asked.batch);
    const inferred = performance.now();
    const answer = formatInferResponse(asked, logits, model);
    const timing = `parse;dur=${(parsed - started).toFixed(2)}, infer;dur=${(inferred - parsed).toFixed(2)}`;
    return reply.headers({ ...answer.headers, 'server-timing': timing }).send(answer.body);
  });
}

/** Cross-origin requests, answered for the named origins alone. */
function allowOrigins(app: FastifyInstance, origins: readonly string[]): void {
  app.addHook('onRequest', async (request, reply) => {
    const { origin } = request.headers;
    if (!origin || !(origins.includes('*') || origins.includes(origin))) return;
    reply.headers({
      vary: 'origin',
      'access-control-allow-origin': origin,
      'access-control-expose-headers': `${JSON_LENGTH_HEADER}, server-timing`,
    });
    if (request.method !== 'OPTIONS') return;
    reply.headers({
      'access-control-allow-methods': 'GET, POST',
      'access-control-allow-headers': `content-type, content-encoding, ${JSON_LENGTH_HEADER}`,
      'access-control-max-age': '600',
    });
    return reply.code(204).send();
  });
}
