/**
 * Times loading alone, in threads and in the thread that asks, in alternation: `npm run bench:loading`.
 * Images like CIFAR's, in memory, with every augmentation. Prints medians, their ratio, and memory.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { trainingBatches } from '../src/datasets/batches.js';
import { type Loader, loadHere } from '../src/datasets/loading/loader.js';
import { loadInThreads } from '../src/datasets/loading/threads.js';
import { median } from './median.js';

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    images: { type: 'string', default: '12800' },
    threads: { type: 'string', default: String(Math.max(1, availableParallelism() - 1)) },
  },
});
const [rounds, count, threads] = [Number(flags.rounds), Number(flags.images), Number(flags.threads)];

const shape = [32, 32, 3] as const;
const bytes = new Uint8Array(new SharedArrayBuffer(count * 3072));
for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 37 + (i >> 8) * 85) % 256;
const split = { count, pixels: { in: 'memory', bytes }, labels: new Uint16Array(count) } as const;
const places = Int32Array.from({ length: count }, (_, place) => place);
const look = { shape, stored: shape, mean: [0.49, 0.48, 0.45], std: [0.25, 0.24, 0.26] };
const augmentation = { shift: 4, flip: true, crop: 0.5, jitter: 0.4, cutout: 8, mixup: 0.2 };

async function imagesPerSecond(loader: Loader, epoch: number): Promise<number> {
  const start = performance.now();
  let images = 0;
  const order = { batchSize: 64, seed: 1, epoch, augmentation };
  for await (const batch of trainingBatches(look, split, places, order, loader)) images += batch.size;
  return (1000 * images) / (performance.now() - start);
}

const loader = loadInThreads(threads);
try {
  await Promise.all([imagesPerSecond(loader, 0), imagesPerSecond(loadHere, 0)]); // warm
  const speeds: { here: number; inThreads: number }[] = [];
  for (let epoch = 1; epoch <= rounds; epoch++) {
    speeds.push({ here: await imagesPerSecond(loadHere, epoch), inThreads: await imagesPerSecond(loader, epoch) });
  }
  const rss = (process.memoryUsage.rss() / 1e6).toFixed(0);
  console.log(`32x32x3 in memory, every augmentation, batches of 64, ${rounds} rounds of ${count} images`);
  console.log(`in the thread that asks:  ${median(speeds.map(({ here }) => here)).toFixed(0)} images/s`);
  console.log(
    `in ${threads} thread(s):          ${median(speeds.map((speed) => speed.inThreads)).toFixed(0)} images/s`,
  );
  console.log(`ratio (median of rounds): ${median(speeds.map((s) => s.inThreads / s.here)).toFixed(2)}; RSS ${rss} MB`);
} finally {
  await loader.close();
}
