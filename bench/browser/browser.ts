/**
 * Real Chromium, one page, one thread: every kernel against onnxruntime-web on the same float layer, in alternation.
 * `npm run bench:browser`; `--throttle 4` slows the processor down four times, as a phone's stand-in.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import fastify, { type FastifyInstance } from 'fastify';
import type { Page } from 'playwright-core';
import { table } from '../../src/terminal/format.js';
import { launchChromium } from '../../test/browser/chromium.js';
import { median } from '../median.js';
import { KERNEL_CASES, type KernelCase } from './kernel-cases.js';

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '30' },
    throttle: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
  },
});
const rounds = Number(flags.rounds);

type Contestant = readonly [maker: string, ...args: unknown[]];

const file = (path: string): Buffer => readFileSync(new URL(path, import.meta.url));

/** The page, both sides' WebAssembly and the models, from one origin. */
function createServer(models: ReadonlyMap<string, Uint8Array>): FastifyInstance {
  const app = fastify();
  // A clock of 5 microseconds instead of 100 is for isolated pages only.
  app.addHook('onSend', async (_request, reply) => {
    reply.headers({
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-embedder-policy': 'require-corp',
    });
  });
  const types: Record<string, string> = { js: 'text/javascript', mjs: 'text/javascript', wasm: 'application/wasm' };
  const send =
    (folder: string) => (request: { url: string }, reply: { type(t: string): { send(b: Buffer): unknown } }) => {
      const name = request.url.split('/').at(-1)!;
      return reply.type(types[name.split('.').at(-1)!] ?? 'application/octet-stream').send(file(`${folder}${name}`));
    };
  app.get('/', (_request, reply) => reply.type('text/html').send('<script type="module" src="/page.js"></script>'));
  app.get('/page.js', send('./'));
  app.get('/kernels/*', send('../../kernels/prebuilt/'));
  app.get('/onnxruntime-web/*', send('../../node_modules/onnxruntime-web/dist/'));
  app.get<{ Params: { name: string } }>('/models/:name', (request, reply) => {
    return reply.type('application/octet-stream').send(Buffer.from(models.get(request.params.name)!));
  });
  return app;
}

/** Milliseconds of every contestant, round by round. */
function compare(page: Page, contestants: readonly Contestant[]): Promise<number[][]> {
  return page.evaluate(`compare(${JSON.stringify(contestants)}, ${rounds})`);
}

async function kernelRow(page: Page, { title, kernel, args, peer, operations, goal }: KernelCase): Promise<string[]> {
  const [ours, theirs] = await compare(page, [
    ['kernel', { kernel, args }],
    ['onnx', `/models/${encodeURIComponent(title)}`, peer.shape],
  ]);
  const ratio = median(theirs.map((time, i) => time / ours[i]));
  const times = [ours, theirs].map((list) => (1000 * median(list)).toFixed(0));
  return [title, ...times, (operations / median(ours) / 1e6).toFixed(0), ratio.toFixed(2), String(goal)];
}

const cases = KERNEL_CASES.filter(({ title }) => title.includes(flags.only));
const app = createServer(new Map(cases.map(({ title, peer }) => [title, peer.model])));
const url = await app.listen({ host: '127.0.0.1', port: 0 });
const browser = await launchChromium();
try {
  const page = await browser.newPage();
  await page.goto(url);
  await page.waitForFunction('globalThis.ready');
  const session = await browser.newCDPSession(page);
  await session.send('Emulation.setCPUThrottlingRate', { rate: Number(flags.throttle) });
  const rows = [['kernel', 'lcdnn us', 'onnxruntime-web us', 'Gop/s', 'ratio', 'goal']];
  for (const kernelCase of cases) rows.push(await kernelRow(page, kernelCase));
  console.log(`medians of ${rounds} rounds in alternation, ${browser.browser()?.version() ?? 'Chromium'}\n`);
  console.log(table(rows, [1, 2, 3, 4, 5]));
} finally {
  await browser.close();
  await app.close();
}
