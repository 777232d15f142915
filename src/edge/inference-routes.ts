import type { ServerResponse } from 'node:http';
import type {
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  onRequestAsyncHookHandler,
  onRequestHookHandler,
} from 'fastify';
import { encodingOf } from './content-encoding.js';
import { Refusal } from './errors.js';
import type { LoadShedding } from './load-shedding.js';
import type { Metrics } from './metrics.js';
import type { Batched } from './models/batcher.js';
import type { Model } from './models/model.js';
import type { Models } from './models/models.js';
import { TailDied } from './models/tail-in-thread.js';
import { formatInferResponse, JSON_LENGTH_HEADER, type ModelTensors, maxBodyBytes } from './protocol.js';
import type { ReadBody } from './read-body.js';
import { watchRequest } from './request-deadline.js';
import type { RequestParser } from './request-parser.js';
import type { Trace, Tracing } from './tracing.js';
import type { UsageCounter } from './usage-counts.js';

interface ModelParams {
  readonly model: string;
  readonly version?: string;
}

export interface InferenceRoutes {
  readonly models: Models;
  readonly metrics: Metrics;
  readonly usage: UsageCounter;
  readonly loadShedding: LoadShedding;
  readonly readBody: ReadBody;
  readonly parser: RequestParser;
  readonly tracing?: Tracing;
  /** Checks that apply to inference: rate limit and token. */
  readonly guard: onRequestAsyncHookHandler[];
  /** Whether the server accepts new requests. */
  isReady(): boolean;
}

/** Routes of the Open Inference Protocol v2: health, metadata, inference. Models have a name, and optionally a version, in the path. */
export async function inferenceRoutes(app: FastifyInstance, served: InferenceRoutes): Promise<void> {
  const { models, metrics, guard } = served;
  const find = ({ model: name, version }: ModelParams): Model => {
    const model = models.get(name, version);
    if (model) return model;
    const available = models.get(name) ? models.versions(name) : models.names;
    const what = models.get(name) ? `version ${version} of ${name}` : `model ${name}`;
    throw new Refusal(404, `no ${what} here; there is ${available.join(', ')}`);
  };

  // The route itself reads bodies, because the limit depends on the model.
  app.removeAllContentTypeParsers();
  // The usual types by name, because fastify parses others anew for each request.
  for (const type of ['application/octet-stream', 'application/json', '*']) {
    app.addContentTypeParser(type, (_request, _payload, done) => done(null));
  }

  const versions = (): string => models.names.map((name) => models.get(name)!.version).join();
  app.get('/v2', () => ({ name: 'lcdnn', version: versions(), extensions: ['binary_tensor_data'] }));
  app.get('/v2/health/live', (_request, reply) => {
    const live = models.names.every((name) => !models.get(name)!.fault()?.forGood);
    return reply.code(live ? 200 : 503).send({ live });
  });
  app.get('/v2/health/ready', (_request, reply) => {
    const ready = served.isReady() && models.names.every((name) => !models.get(name)!.fault());
    return reply.code(ready ? 200 : 503).send({ ready });
  });
  for (const at of ['/v2/models/:model', '/v2/models/:model/versions/:version']) {
    app.get<{ Params: ModelParams }>(at, ({ params }) => describe(find(params), models));
    app.get<{ Params: ModelParams }>(`${at}/ready`, ({ params }, reply) => {
      const { name, fault } = find(params);
      const ready = !fault();
      return reply.code(ready ? 200 : 503).send({ name, ready });
    });
    const count: onRequestHookHandler = (request, reply, done) => {
      const name = (request.params as ModelParams).model;
      const model = models.get(name) ? name : 'unknown';
      const came = performance.now();
      metrics.begin(model);
      reply.raw.once('close', () => {
        const code = reply.raw.writableEnded ? reply.raw.statusCode : 499;
        metrics.request(model, code, (performance.now() - came) / 1000);
      });
      done();
    };
    app.post<{ Params: ModelParams }>(`${at}/infer`, { onRequest: [count, ...guard] }, (request, reply) => {
      const model = find(request.params);
      return models.using(model, () => infer(served, model, request, reply));
    });
  }
}

async function infer(served: InferenceRoutes, model: Model, request: FastifyRequest, reply: FastifyReply) {
  // Everything that can be refused without the body is refused before it is read.
  if (model.fault()) throw new TailDied();
  const { headers, ip } = request;
  encodingOf(headers['content-encoding']);
  const loosened = served.loadShedding.header(model);
  if (loosened) reply.header('lcdnn-tau', loosened);
  model.checkRoom();
  const deadline = watchRequest(reply.raw);
  const arrivalMs = Date.now();
  const came = performance.now();
  const trace = served.tracing?.begin('infer', headers, reply.raw, { 'lcdnn.model': model.name });
  try {
    const limit = maxBodyBytes(model, headers[JSON_LENGTH_HEADER] !== undefined);
    const body = await served.readBody(request.raw, ip, limit);
    const started = performance.now();
    const parsed = await served.parser.parse(body, headers, model, ip);
    const parseMs = performance.now() - started;
    if (parsed.exits) served.metrics.exits(model.name, parsed.exits);
    if (parsed.timeout !== undefined) deadline.limit(parsed.timeout / 1000);
    const batched = await model.infer(parsed.values, parsed.batch, deadline);
    if (trace) traceSteps(trace, came, started, parseMs, batched, reply.raw);
    served.usage.count(model, parsed, batched.logits);
    request.log.info(traceOf(model, parsed.batch, arrivalMs, parseMs, batched), 'inferred');
    const answer = formatInferResponse(parsed, batched.logits, model);
    return reply.headers({ ...answer.headers, 'server-timing': serverTiming(parseMs, batched) }).send(answer.body);
  } catch (thrown) {
    throw deadline.over() ?? thrown;
  } finally {
    deadline.end();
  }
}

/** The steps of an answered request: its body arrived and was parsed, waited, was computed, and the answer was written. */
function traceSteps(
  trace: Trace,
  came: number,
  hasBody: number,
  parseMs: number,
  { queueMs, inferMs }: Batched,
  response: ServerResponse,
): void {
  const done = performance.now();
  const parsed = hasBody + parseMs;
  trace.step('read', came, hasBody);
  trace.step('parse', hasBody, parsed);
  trace.step('queue', parsed, parsed + queueMs);
  trace.step('run', parsed + queueMs, parsed + queueMs + inferMs);
  response.once('close', () => trace.step('write', done, performance.now()));
}

/** What `lcdnn schedule --trace` replays: when a request arrived, and the time it was worked on, without waiting. */
function traceOf({ name }: Model, images: number, arrivalMs: number, parseMs: number, { queueMs, inferMs }: Batched) {
  const rounded = (ms: number): number => Math.round(1000 * ms) / 1000;
  return { model: name, images, arrivalMs, queueMs: rounded(queueMs), serviceMs: rounded(parseMs + inferMs) };
}

function serverTiming(parseMs: number, { queueMs, inferMs }: Batched): string {
  return `parse;dur=${parseMs.toFixed(2)}, queue;dur=${queueMs.toFixed(2)}, infer;dur=${inferMs.toFixed(2)}`;
}

function describe({ name, input, output }: Model, models: Models): object {
  const tensor = ({ name, shape, datatype = 'FP32' }: ModelTensors['input']) => ({
    name,
    datatype,
    shape: [-1, ...shape],
  });
  return {
    name,
    versions: models.versions(name),
    platform: 'onnx_onnxv1',
    inputs: [tensor(input)],
    outputs: [tensor(output)],
  };
}
