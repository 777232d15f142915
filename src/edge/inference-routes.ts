import type {
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  onRequestAsyncHookHandler,
  onRequestHookHandler,
} from 'fastify';
import { Refusal } from './errors.js';
import type { LoadShedding } from './load-shedding.js';
import type { Metrics } from './metrics.js';
import type { Batched } from './models/batcher.js';
import type { Model } from './models/model.js';
import type { Models } from './models/models.js';
import { TailDied } from './models/tail-in-thread.js';
import {
  formatInferResponse,
  JSON_LENGTH_HEADER,
  type ModelTensors,
  maxBodyBytes,
  parseInferRequest,
} from './protocol.js';
import type { createBodyReader } from './read-body.js';
import { watchRequest } from './request-deadline.js';
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
  readonly readBody: ReturnType<typeof createBodyReader>;
  /** Who may infer. */
  readonly guard: onRequestAsyncHookHandler[];
  /** Whether new requests shall come here. */
  isReady(): boolean;
}

/** The Open Inference Protocol v2: health, metadata, inference. A model is asked for by name, or by name and version. */
export async function inferenceRoutes(app: FastifyInstance, served: InferenceRoutes): Promise<void> {
  const { models, metrics, guard } = served;
  const find = ({ model: name, version }: ModelParams): Model => {
    const model = models.get(name, version);
    if (model) return model;
    const there = models.get(name) ? models.versions(name) : models.names;
    const what = models.get(name) ? `version ${version} of ${name}` : `model ${name}`;
    throw new Refusal(404, `no ${what} here; there is ${there.join(', ')}`);
  };

  // Bodies are read by the route itself, which knows how long they may be.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));

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
  // Heeded where @fastify/rate-limit is registered.
  const config = { rateLimit: { groupId: 'infer' } };
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
    app.post<{ Params: ModelParams }>(`${at}/infer`, { onRequest: [count, ...guard], config }, (request, reply) => {
      const model = find(request.params);
      return models.using(model, () => infer(served, model, request, reply));
    });
  }
}

async function infer(served: InferenceRoutes, model: Model, request: FastifyRequest, reply: FastifyReply) {
  // Before the body is read.
  if (model.fault()) throw new TailDied();
  const loose = served.loadShedding.header(model);
  if (loose) reply.header('lcdnn-tau', loose);
  model.checkRoom();
  const deadline = watchRequest(reply.raw);
  const arrivalMs = Date.now();
  try {
    const body = await served.readBody(request.raw, maxBodyBytes(model)).catch((thrown) => {
      throw deadline.over() ?? thrown;
    });
    const started = performance.now();
    const asked = parseInferRequest(body, request.headers[JSON_LENGTH_HEADER]?.toString(), model);
    const parseMs = performance.now() - started;
    if (asked.version !== undefined && asked.version !== model.version)
      throw new Refusal(409, `version: expected ${model.version}, found ${asked.version}; load the bundle again`);
    if (asked.exits) served.metrics.exits(model.name, asked.exits);
    if (asked.timeout !== undefined) deadline.limit(asked.timeout / 1000);
    const batched = await model.infer(asked.values, asked.batch, deadline);
    served.usage.count(model, asked, batched.logits);
    request.log.info(traceOf(model, asked.batch, arrivalMs, parseMs, batched), 'inferred');
    const { headers, body: answer } = formatInferResponse(asked, batched.logits, model);
    return reply.headers({ ...headers, 'server-timing': serverTiming(parseMs, batched) }).send(answer);
  } finally {
    deadline.end();
  }
}

/** What `lcdnn schedule --trace` replays: when a request came, and how long it was worked on without waiting. */
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
