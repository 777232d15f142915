import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterAll } from 'vitest';
import { random } from '../../src/base/random.js';
import { type Bundle, readBundle } from '../../src/bundle/read-bundle.js';
import { openTail } from '../../src/edge/tail.js';
import { inferRequest, readAnswer } from '../infer-request.js';
import { type Started, start } from './cli.js';

export interface Serving extends Started {
  readonly url: string;
  /** Bytes of memory that the process holds. */
  memory(): number;
  /** Value of a metric without labels. */
  metric(name: string): Promise<number>;
}

const running: Started[] = [];
afterAll(async () => {
  for (const { child } of running) child.kill('SIGKILL');
  await Promise.all(running.map(({ ended }) => ended));
});

/** `lcdnn serve BUNDLE FLAGS` on a port of its own, once it answers. @param limit as of `start` */
export async function serving(bundles: string | string[], flags: string[] = [], limit?: string): Promise<Serving> {
  const port = await freePort();
  const started = start(['serve', ...[bundles].flat(), '--port', `${port}`, ...flags], limit);
  running.push(started);
  const url = `http://127.0.0.1:${port}`;
  let ended: string | undefined;
  void started.ended.then(({ stderr }) => {
    ended = stderr;
  });
  while (!(await fetch(`${url}/v2/health/ready`).catch(() => undefined))?.ok) {
    if (ended !== undefined) throw new Error(`the server ended: ${ended}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    ...started,
    url,
    memory: () => 1024 * Number(readFileSync(`/proc/${started.child.pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)![1]),
    async metric(name) {
      const text = await (await fetch(`${url}/metrics`)).text();
      return Number(text.match(new RegExp(`^${name} (.*)$`, 'm'))![1]);
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}

/** Requests of one image each for a bundle, with what ONNX Runtime answers. */
export interface Questions {
  readonly bundle: Bundle;
  readonly requests: readonly ReturnType<typeof inferRequest>[];
  readonly answers: readonly number[][];
}

export async function questions(folder: string, count: number): Promise<Questions> {
  const bundle = readBundle(folder);
  const tail = await openTail(bundle);
  const size = bundle.manifest.tail.shape.reduce((all, length) => all * length, 1);
  const next = random(11);
  const images = Array.from({ length: count }, () => Float32Array.from({ length: size }, next));
  const answers = [];
  for (const image of images) answers.push(Array.from(await tail.infer(image, 1)));
  await tail.close();
  return { bundle, requests: images.map((image) => inferRequest(bundle.manifest, image)), answers };
}

export type Reply =
  | { readonly status: 200; readonly version: string; readonly logits: number[] }
  | { readonly status: number; readonly headers: Headers };

/** Asks; rejects where there is no answer at all. */
export async function ask(
  { url }: Pick<Serving, 'url'>,
  { bundle, requests }: Questions,
  at: number,
  signal?: AbortSignal,
): Promise<Reply> {
  const response = await fetch(`${url}/v2/models/${bundle.manifest.name}/infer`, { ...requests[at], signal });
  const body = await response.arrayBuffer();
  if (response.status !== 200) return { status: response.status, headers: response.headers };
  const { said, logits } = readAnswer(response.headers.get('inference-header-content-length'), body);
  return { status: 200, version: said.model_version, logits };
}
