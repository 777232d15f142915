/**
 * What one edge server does, asked by autocannon from this process while the server has its own:
 * `npm run bench:edge`. Tail against the same batches in a bare onnxruntime-node loop (in alternation), against
 * the whole image and the full network on the same server, and images/s for clients that exit by themselves; then ten times
 * the load that it can do. Random weights, or `--bundle DIR` with its measured exit ratio.
 * `--networks LeNet,ResNet18-CIFAR --rounds 3 --seconds 5 --overload 60`. `--rounds 0` measures only the overload, of every
 * network; `--overload 0` nothing of it. `--out` writes edge-throughput.json and edge-overload.json into benchmarks/results/.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { median } from '../../src/base/statistics.js';
import { openTail } from '../../src/edge/tail.js';
import { printTable } from '../print-table.js';
import { type Measurement, packageVersions, writeResult } from '../results.js';
import { startBareServer } from './bare-server.js';
import { type EdgeCase, edgeCase, question, trainedCase } from './bundles.js';
import { fire } from './fire.js';
import { OVERLOAD_COLUMNS, overload } from './overload.js';
import { type ServerProcess, startServer } from './server-process.js';

const { values: flags } = parseArgs({
  options: {
    networks: { type: 'string', default: 'LeNet,ResNet18-CIFAR' },
    /** A bundle of a trained run, in the place of networks with random weights. */
    bundle: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '5' },
    /** How tensors travel: u8 or f32. */
    uplink: { type: 'string', default: 'u8' },
    overload: { type: 'string', default: '60' },
    out: { type: 'boolean', default: false },
    /** Images of a request. */
    images: { type: 'string', default: '1,16' },
    /** Share of the images that clients answer alone, where no bundle tells. */
    exits: { type: 'string', default: '0.9' },
    threads: { type: 'string', default: String(Math.max(1, availableParallelism() - 1)) },
  },
});
const [rounds, seconds, threads] = [Number(flags.rounds), Number(flags.seconds), Number(flags.threads)];
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

/** Images per second that Node's HTTP and the tail's thread do by themselves. */
async function bareServed(url: string, { tail }: EdgeCase, images: number): Promise<number> {
  const shots = { connections: connectionsFor(images), duration: seconds };
  const { answers, elapsed } = await fire(url, tail.manifest.name, question(tail, images), shots);
  return (images * answers) / elapsed;
}

const exitsOf = (one: EdgeCase): number => one.exits ?? Number(flags.exits);

/** Images per second that a model of the server answers, and the mean batch that it made. */
async function served(server: ServerProcess, one: EdgeCase, of: 'tail' | 'full', images: number) {
  const bundle = one[of];
  const exits = exitsOf(one);
  const { name } = bundle.manifest;
  const parameters = of === 'tail' ? { exits: Math.round((images * exits) / (1 - exits)) } : undefined;
  const read = () =>
    Promise.all(
      ['lcdnn_batch_images_sum', 'lcdnn_batch_images_count', 'lcdnn_client_exits_total'].map((metric) =>
        server.metric(metric, name),
      ),
    );
  const [before, cpu, ownCpu] = [await read(), server.cpuMs(), process.cpuUsage()];
  const { elapsed } = await fire(server.url, name, question(bundle, images, parameters), {
    connections: connectionsFor(images),
    duration: seconds,
  });
  const { user, system } = process.cpuUsage(ownCpu);
  const cpuMs = server.cpuMs() - cpu;
  const [done, batches, alone] = (await read()).map((value, i) => value - before[i]);
  return {
    perSecond: done / elapsed,
    batch: done / batches,
    withExits: (done + alone) / elapsed,
    serverUs: (1000 * cpuMs) / done,
    generatorUs: (user + system) / done,
  };
}

async function compare(one: EdgeCase, images: number): Promise<(string | number)[]> {
  const server = await startServer(one.folders, { threads, 'max-batch': MAX_BATCH });
  const bareServer = await startBareServer(one.folders[0], { threads, maxBatch: MAX_BATCH });
  try {
    await served(server, one, 'tail', images);
    await bareServed(bareServer.url, one, images);
    const all: {
      readonly tail: Awaited<ReturnType<typeof served>>;
      readonly full: Awaited<ReturnType<typeof served>>;
      readonly bare: number;
      readonly http: number;
    }[] = [];
    for (let round = 0; round < rounds; round++) {
      const tail = await served(server, one, 'tail', images);
      const bare = await bareLoop(one, Math.max(1, Math.round(tail.batch)));
      const full = await served(server, one, 'full', images);
      const http = await bareServed(bareServer.url, one, images);
      all.push({ tail, bare, full, http });
    }
    const of = (value: (round: (typeof all)[number]) => number): number => median(all.map(value));
    return [
      one.title,
      images,
      of(({ tail }) => tail.batch),
      of(({ tail }) => tail.perSecond),
      of(({ bare }) => bare),
      of(({ tail, bare }) => tail.perSecond / bare),
      of(({ http }) => http),
      of(({ http, bare }) => http / bare),
      of(({ full }) => full.perSecond),
      of(({ tail, full }) => tail.perSecond / full.perSecond),
      of(({ tail }) => tail.withExits),
      exitsOf(one),
      of(({ tail }) => tail.serverUs),
      of(({ bare }) => 1e6 / bare),
      of(({ tail }) => tail.generatorUs),
    ];
  } finally {
    await server.close();
    await bareServer.close();
  }
}

const columns = [
  { title: 'network' },
  { title: 'images a request', digits: 0 },
  { title: 'mean batch', digits: 1 },
  { title: 'tail', digits: 0 },
  { title: 'bare loop, same batches', digits: 0 },
  { title: 'tail / loop', digits: 2 },
  { title: 'bare server', digits: 0 },
  { title: 'bare server / loop', digits: 2 },
  { title: 'edge-only: image sent, full network', digits: 0 },
  { title: 'tail / edge-only', digits: 2 },
  { title: 'what clients see', digits: 0 },
  { title: 'share that exits early', digits: 2 },
  { title: 'server, µs', digits: 0 },
  { title: 'loop, µs', digits: 0 },
  { title: 'generator, µs', digits: 0 },
];
const folder = mkdtempSync(join(tmpdir(), 'lcdnn-edge-'));
try {
  console.log(
    `${threads} thread(s) of ONNX Runtime, ${rounds} rounds of ${seconds} s, medians; images/s; processor time in µs an image`,
  );
  const uplink = flags.uplink === 'f32' ? 'f32' : 'u8';
  const cases = flags.bundle
    ? [await trainedCase(flags.bundle, folder)]
    : await Promise.all(flags.networks.split(',').map((title) => edgeCase(title, folder, uplink)));
  const rows: (string | number)[][] = [];
  for (const one of rounds > 0 ? cases : [])
    for (const images of flags.images.split(',').map(Number)) rows.push(await compare(one, images));
  const write = (name: string, tables: Measurement['tables']): void => {
    const command = `npm run bench:edge -- ${process.argv.slice(2).join(' ')}`;
    if (flags.out) writeResult(name, { command, versions: packageVersions('onnxruntime-node', 'fastify'), tables });
  };
  if (rows.length > 0) {
    console.log(printTable({ columns, rows }));
    write('edge-throughput', { images: { columns, rows } });
  }
  const overloads: (string | number)[][] = [];
  for (const one of Number(flags.overload) > 0 ? cases : [])
    overloads.push(await overload(one, { threads, seconds: Number(flags.overload) }));
  if (overloads.length > 0) {
    console.log(printTable({ columns: OVERLOAD_COLUMNS, rows: overloads }));
    write('edge-overload', { main: { columns: OVERLOAD_COLUMNS, rows: overloads } });
  }
} finally {
  rmSync(folder, { recursive: true });
}
