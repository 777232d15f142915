import { readFileSync } from 'node:fs';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { UserError } from '../base/errors.js';
import type { Bundle } from '../bundle/read-bundle.js';
import { createEdgeServer } from '../edge/server.js';

const milliseconds = z.number().nonnegative();

const resultSchema = z.strictObject({
  userAgent: z.string(),
  /** Whether the SIMD build ran. */
  simd: z.boolean(),
  /** From the import of the loader to a model that is ready; its files come from the server, not from a cache. */
  loadMs: milliseconds,
  /** One image through the branch, sample by sample; and its answer as a page has it from the branch's Worker. */
  branchMs: z.array(milliseconds).min(1),
  answerMs: z.array(milliseconds).min(1),
  /** What the edge takes for an image, request and all; where browser and server are one machine. */
  edgeMs: z.array(milliseconds).min(1).optional(),
  /** The calls of a run in order: the kernel, and the mean time of its call. */
  steps: z.array(z.strictObject({ kernel: z.string(), milliseconds })),
  /** All of the WebAssembly module's memory. */
  memoryBytes: z.int().positive(),
});

/** What a browser measured of a bundle's branch. */
export type DeviceResult = z.infer<typeof resultSchema>;

const SCRIPT = 'text/javascript; charset=utf-8';
const PAGE = { 'index.html': 'text/html; charset=utf-8', 'bench.js': SCRIPT, 'profile.js': SCRIPT };

/** A server of the bundle and of the page /bench/ that measures its branch; `result` is what the first page sent. */
export interface DeviceBench {
  readonly app: FastifyInstance;
  /** Rejects with UserError where the page failed, or sent something else. */
  readonly result: Promise<DeviceResult>;
}

export async function createDeviceBench(bundle: Bundle): Promise<DeviceBench> {
  const app = await createEdgeServer(bundle);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body));
  for (const [file, type] of Object.entries(PAGE)) {
    const bytes = readFileSync(new URL(`../../templates/measure/${file}`, import.meta.url));
    app.get(`/bench/${file === 'index.html' ? '' : file}`, (_request, reply) => reply.type(type).send(bytes));
  }
  const result = new Promise<DeviceResult>((resolve, reject) => {
    app.post('/bench/result', async (request, reply) => {
      try {
        resolve(readResult(String(request.body)));
      } catch (thrown) {
        reject(thrown);
      }
      return reply.code(204).send();
    });
  });
  return { app, result };
}

function readResult(body: string): DeviceResult {
  let sent: unknown;
  try {
    sent = JSON.parse(body);
  } catch {
    throw new UserError(`expected measurements from the page, found what is no JSON: ${body.slice(0, 80)}`);
  }
  const failed = z.object({ error: z.string() }).safeParse(sent);
  if (failed.success) throw new UserError(`the page could not measure the bundle: ${failed.data.error}`);
  const { success, data, error } = resultSchema.safeParse(sent);
  if (!success) throw new UserError(`expected measurements from the page, found ${z.prettifyError(error)}`);
  return data;
}
