/**
 * What one edge server does, asked by autocannon from this process while the server has its own:
 * `npm run bench:edge`. Tail against the same batches in a bare onnxruntime-node loop (in alternation), against
 * the whole image and the full network on the same server, and what clients see that exit by themselves; then ten times
 * the load that it can do. Random weights. `--networks LeNet,ResNet18-CIFAR --rounds 3 --seconds 5 --overload 60`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openTail } from '../../src/edge/tail.js';
import { median } from '../median.js';
import { type EdgeCase, edgeCase, question } from './bundles.js';
import { fire } from './fire.js';
import { overload } from './overload.js';
import { type ServerProcess, startServer } from './server-process.js';

const { values: flags } = parseArgs({
  options: {
    networks: { type: 'string', default: 'LeNet,ResNet18-CIFAR' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '5' },
    /** How tensors travel: u8 or f32. */
    uplink: { type: 'string', default: 'u8' },
    overload: { type: 'string', default: '60' },
    /** Images of a request. */
    images: { type: 'string', default: '1,16' },
    /** Share of the images that clients answer alone. */
    exits: { type: 'string', default: '0.9' },
    threads: { type: 'string', default: String(Math.max(1, availableParallelism() - 1)) },
  },
});
const [rounds, seconds, threads] = [Number(flags.rounds), Number(flags.seconds), Number(flags.threads)];
const exits = Number(flags.exits);
const MAX_BATCH = 16;
/** Requests at a time: two full batches, so that one waits while the other is computed. */
const connectionsFor = (images: number): number => (2 * MAX_BATCH) / images;

/** Images per second of the bare loop with batches of this size. */
async function bareLoop({ tail }: EdgeCase, batch: number): Promise<number> {
  const opened = await openTail(tail, threads);
  const { values } = question(tail, batch);
  await opened.infer(values, batch);
  const start = performance.now();
  let images = 0;
  for (; performance.now() - start < 1000 * seconds; images += batch) await opened.infer(values, batch);
  const perSecond = (1000 * images) / (performance.now() - start);
  await opened.close();
  return perSecond;
}

/** Images per second that a model of the server answers, and the mean batch that it made. */
async function served(server: ServerProcess, { tail, full }: EdgeCase, of: 'tail' | 'full', images: number) {
  const bundle = of === 'tail' ? tail : full;
  const { name } = bundle.manifest;
  const parameters = of === 'tail' ? { exits: Math.round((images * exits) / (1 - exits)) } : undefined;
  const read = () =>
    Promise.all(
      ['lcdnn_batch_images_sum', 'lcdnn_batch_images_count', 'lcdnn_client_exits_total'].map((metric) =>
        server.metric(metric, name),
      ),
    );
  const before = await read();
  const { elapsed } = await fire(server.url, name, question(bundle, images, parameters), {
    connections: connectionsFor(images),
    duration: seconds,
  });
  const [done, batches, alone] = (await read()).map((value, i) => value - before[i]);
  return { perSecond: done / elapsed, batch: done / batches, withExits: (done + alone) / elapsed };
}

async function compare(one: EdgeCase, images: number): Promise<void> {
  const server = await startServer(one.folders, { threads, maxBatch: MAX_BATCH });
  try {
    await served(server, one, 'tail', images);
    const all: {
      readonly tail: Awaited<ReturnType<typeof served>>;
      readonly full: Awaited<ReturnType<typeof served>>;
      readonly bare: number;
    }[] = [];
    for (let round = 0; round < rounds; round++) {
      const tail = await served(server, one, 'tail', images);
      const bare = await bareLoop(one, Math.max(1, Math.round(tail.batch)));
      const full = await served(server, one, 'full', images);
      all.push({ tail, bare, full });
    }
    const of = (value: (round: (typeof all)[number]) => number): string => median(all.map(value)).toFixed(2);
    const rate = (value: (round: (typeof all)[number]) => number): string =>
      Math.round(median(all.map(value))).toLocaleString('en');
    const cells = [
      one.title,
      images,
      of(({ tail }) => tail.batch),
      rate(({ tail }) => tail.perSecond),
      rate(({ bare }) => bare),
      of(({ tail, bare }) => tail.perSecond / bare),
      rate(({ full }) => full.perSecond),
      of(({ tail, full }) => tail.perSecond / full.perSecond),
      rate(({ tail }) => tail.withExits),
    ];
    console.log(`| ${cells.join(' | ')} |`);
  } finally {
    await server.close();
  }
}

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-edge-'));
try {
  console.log(
    `${threads} thread(s) of ONNX Runtime, ${rounds} rounds of ${seconds} s, medians; images/s; exits ${exits}`,
  );
  const columns = [
    'network',
    'images a request',
    'mean batch',
    'tail',
    'bare loop',
    'ratio',
    'edge-only',
    'tail / edge-only',
    'with exits',
  ];
  console.log(`| ${columns.join(' | ')} |\n|${columns.map(() => ' --- |').join('')}`);
  const cases: EdgeCase[] = [];
  for (const title of flags.networks.split(',')) {
    cases.push(await edgeCase(title, folder, flags.uplink === 'f32' ? 'f32' : 'u8'));
    for (const images of flags.images.split(',').map(Number)) await compare(cases.at(-1)!, images);
  }
  if (Number(flags.overload) > 0) await overload(cases.at(-1)!, { threads, seconds: Number(flags.overload) });
} finally {
  rmSync(folder, { recursive: true });
}
