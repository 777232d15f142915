/**
 * Evaluates the pages kept in `trained/` on their test splits, as a page computes them, and compares the branch with what
 * `lcdnn evaluate` measured: `npm run bench:kept-pages -- NAME --data-dir DIR`. Writes nothing.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { percent, table } from '../src/base/format.js';
import { importLoader } from '../src/bundle/import-loader.js';
import { readManifest } from '../src/bundle/read-bundle.js';
import { loadDataset } from '../src/datasets/load-dataset.js';

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { 'data-dir': { type: 'string' } },
});

const configSchema = z.looseObject({ dataset: z.string() });
const testSchema = z.looseObject({
  branch: z.looseObject({ accuracy: z.number() }),
  collaborative: z.looseObject({ exitRatio: z.number() }),
});

const rows = [];
for (const name of positionals) {
  const folder = fileURLToPath(new URL(`../trained/${name}/`, import.meta.url));
  const json = (file: string): unknown => JSON.parse(readFileSync(`${folder}${file}`, 'utf8'));
  const { dataset } = configSchema.parse(json('config.json'));
  const measured = testSchema.parse(json('test.json'));
  const { test, shape } = await loadDataset(dataset, { dataDir: flags['data-dir'] });
  if (test.pixels.in !== 'memory') throw new Error(`${dataset}: expected images in memory`);
  const [height, width, channels] = shape;
  const manifest = readManifest(`${folder}page`);
  const { mean, std } = manifest.input;
  const model = await (await importLoader(`${folder}page`, manifest)).load(undefined, { edge: false, worker: false });
  const tau = [model.tau].flat()[0];
  const size = height * width * channels;
  let right = 0;
  let early = 0;
  for (let i = 0; i < test.count; i++) {
    const pixels = test.pixels.bytes.subarray(i * size, (i + 1) * size);
    const image = Float32Array.from(pixels, (value, k) => (value / 255 - mean[k % channels]) / std[k % channels]);
    const { index, entropy } = await model.classify(image);
    if (index === test.labels[i]) right++;
    if (entropy < tau) early++;
  }
  model.dispose();
  rows.push([
    name,
    percent(right / test.count),
    percent(measured.branch.accuracy),
    percent(early / test.count),
    percent(measured.collaborative.exitRatio),
  ]);
}
console.log(table([['page', 'branch', 'evaluate', 'exit early', 'evaluate'], ...rows], [1, 2, 3, 4]));
