import { readFileSync } from 'node:fs';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { UserError } from '../base/errors.js';
import { readFileOrExplain } from '../base/files.js';
import type { Bundle } from '../bundle/read-bundle.js';
import { createEdgeServer } from '../edge/server.js';
import { mediaType } from '../edge/web-folder.js';
import { INSTALL_LITERT, liteRtFiles } from './litert.js';

const milliseconds = z.number().nonnegative();

export const deviceResultSchema = z.strictObject({
  userAgent: z.string(),
  /** Whether the SIMD build ran. */
  simd: z.boolean(),
  /** Whether it was the one with relaxed SIMD. */
  relaxedSimd: z.boolean(),
  /** Time from importing the loader until the model is ready; files come from the server, not from a cache. */
  loadMs: milliseconds,
  /** Times of the branch, and of an answer that includes the way to the Worker and back. */
  branchMs: z.array(milliseconds).min(1),
  answerMs: z.array(milliseconds).min(1),
  /** Times of an answer from the edge, request included; browser and server are on the same machine. */
  edgeMs: z.array(milliseconds).min(1).optional(),
  /** Times of the model in LiteRT.js, if one was given. */
  litertMs: z.array(milliseconds).min(1).optional(),
  /** Times of whole calls that take a frame of a camera, a canvas of this size; and of LiteRT.js with a canvas that scales. */
  frames: z.array(
    z.strictObject({
      width: z.int().positive(),
      height: z.int().positive(),
      frameMs: z.array(milliseconds).min(1),
      litertMs: z.array(milliseconds).min(1).optional(),
    }),
  ),
  /** The kernel calls of a run, in order, with the mean time of each. */
  steps: z.array(z.strictObject({ kernel: z.string(), milliseconds })),
  /** Total memory of the WebAssembly module. */
  memoryBytes: z.int().positive(),
});

/** What a browser measured of a bundle's branch. */
export type DeviceResult = z.infer<typeof deviceResultSchema>;

const SCRIPT = 'text/javascript; charset=utf-8';
const PAGE = { 'index.html': 'text/html; charset=utf-8', 'bench.js': SCRIPT, 'profile.js': SCRIPT };

/** A server with the bundle and the page /bench/ that measures its branch. `result` is the result of the first page. */
export interface DeviceBench {
  readonly app: FastifyInstance;
  /** Rejects with UserError if the page failed or sent an invalid result. */
  readonly result: Promise<DeviceResult>;
}

/**
 * @param litert a .tflite model that the page times in LiteRT.js, too
 * @throws UserError if that file can't be read, or LiteRT.js isn't installed
 */
export async function createDeviceBench(bundle: Bundle, litert?: string): Promise<DeviceBench> {
  const app = await createEdgeServer(bundle);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body));
  for (const [file, type] of Object.entries(PAGE)) {
    const bytes = readFileSync(new URL(`../../templates/measure/${file}`, import.meta.url));
    app.get(`/bench/${file === 'index.html' ? '' : file}`, (_request, reply) => reply.type(type).send(bytes));
  }
  if (litert !== undefined) serveLiteRt(app, litert);
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

/** Serves a model, and the installed LiteRT.js. */
function serveLiteRt(app: FastifyInstance, path: string): void {
  const model = readFileOrExplain(path, 'a .tflite model');
  const files = liteRtFiles('all');
  if (!files) throw new UserError(`--litert: expected LiteRT.js, found no package; run: ${INSTALL_LITERT}`);
  for (const [file, bytes] of files.set('model.tflite', model)) {
    app.get(`/bench/litert/${file}`, (_request, reply) => reply.type(mediaType(file)).send(bytes));
  }
}

function readResult(body: string): DeviceResult {
  let sent: unknown;
  try {
    sent = JSON.parse(body);
  } catch {
    throw new UserError(`expected measurements from the page, found text that isn't JSON: ${body.slice(0, 80)}`);
  }
  const failed = z.object({ error: z.string() }).safeParse(sent);
  if (failed.success) throw new UserError(`the page could not measure the bundle: ${failed.data.error}`);
  const { success, data, error } = deviceResultSchema.safeParse(sent);
  if (!success) throw new UserError(`expected measurements from the page, found ${z.prettifyError(error)}`);
  return data;
}
