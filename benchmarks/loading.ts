/**
 * Times image loading in worker threads and in the calling thread, in alternation: `npm run bench:loading`. It loads
 * images like CIFAR's from memory, with every augmentation. If `--images FOLDER` or ../shared/datasets/imagenet-subset
 * exists, it also loads photographs at 224x224 from JPEG files and from the packed cache, cropped, mirrored and with
 * jittered colours. Prints medians, their ratio, and memory.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { median } from '../src/base/statistics.js';
import type { Augmentation } from '../src/datasets/augmentation/augment.js';
import { trainingBatches } from '../src/datasets/batches.js';
import type { Dataset } from '../src/datasets/dataset.js';
import { loadImageFolder } from '../src/datasets/image-folder/load-image-folder.js';
import { type Loader, loadHere } from '../src/datasets/loading/loader.js';
import { loadInThreads } from '../src/datasets/loading/threads.js';
import { sharedBytes } from '../src/datasets/pixels.js';

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    threads: { type: 'string', default: String(Math.max(1, availableParallelism() - 1)) },
    images: {
      type: 'string',
      default: fileURLToPath(new URL('../../shared/datasets/imagenet-subset', import.meta.url)),
    },
  },
});
const [rounds, threads] = [Number(flags.rounds), Number(flags.threads)];

interface Case {
  readonly title: string;
  readonly dataset: Pick<Dataset, 'shape' | 'stored' | 'mean' | 'std' | 'train'>;
  readonly augmentation: Augmentation;
  /** Images per round and per batch. */
  readonly count: number;
  readonly batchSize: number;
}

function inMemory(count: number): Case {
  const shape = [32, 32, 3] as const;
  const bytes = sharedBytes(count * 3072);
  for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 37 + (i >> 8) * 85) % 256;
  const train = { count, pixels: { in: 'memory', bytes }, labels: new Uint16Array(count) } as const;
  return {
    title: '32x32x3 in memory, every augmentation',
    dataset: { shape, stored: shape, mean: [0.49, 0.48, 0.45], std: [0.25, 0.24, 0.26], train },
    augmentation: { shift: 4, flip: true, crop: 0.5, jitter: 0.4, cutout: 8, mixup: 0.2 },
    count,
    batchSize: 64,
  };
}

async function fromFiles(dataDir: string, cache: boolean, env: NodeJS.ProcessEnv): Promise<Case> {
  const dataset = await loadImageFolder('folder', { dataDir, cache, env });
  return {
    title: `224x224x3 ${cache ? 'from the packed cache' : 'from image files'}, cropped, mirrored, jittered`,
    dataset,
    augmentation: { crop: 0.3, flip: true, jitter: 0.4 },
    count: Math.min(512, dataset.train.count),
    batchSize: 32,
  };
}

async function imagesPerSecond({ dataset, augmentation, count, batchSize }: Case, loader: Loader, epoch: number) {
  const places = Int32Array.from({ length: count }, (_, i) => Math.floor((i * dataset.train.count) / count));
  const start = performance.now();
  let images = 0;
  const order = { batchSize, seed: 1, epoch, augmentation };
  for await (const batch of trainingBatches(dataset, dataset.train, places, order, loader)) images += batch.size;
  return (1000 * images) / (performance.now() - start);
}

async function compare(one: Case): Promise<void> {
  const loader = loadInThreads(threads);
  try {
    for (const warm of [loader, loadHere]) await imagesPerSecond(one, warm, 0);
    const speeds: { here: number; inThreads: number }[] = [];
    for (let epoch = 1; epoch <= rounds; epoch++) {
      const here = await imagesPerSecond(one, loadHere, epoch);
      speeds.push({ here, inThreads: await imagesPerSecond(one, loader, epoch) });
    }
    const rss = (process.memoryUsage.rss() / 1e6).toFixed(0);
    console.log(`${one.title}; batches of ${one.batchSize}, ${rounds} rounds of ${one.count} images`);
    console.log(`  in the calling thread:    ${median(speeds.map(({ here }) => here)).toFixed(0)} images/s`);
    console.log(`  in ${threads} thread(s):          ${median(speeds.map((s) => s.inThreads)).toFixed(0)} images/s`);
    const ratio = median(speeds.map((s) => s.inThreads / s.here)).toFixed(2);
    console.log(`  ratio (median of rounds): ${ratio}; RSS ${rss} MB`);
  } finally {
    await loader.close();
  }
}

await compare(inMemory(12_800));
if (existsSync(flags.images)) {
  const cache = mkdtempSync(join(tmpdir(), 'lcdnn-loading-'));
  try {
    for (const packed of [false, true]) {
      await compare(await fromFiles(flags.images, packed, { ...process.env, XDG_CACHE_HOME: cache }));
    }
  } finally {
    rmSync(cache, { recursive: true });
  }
}
