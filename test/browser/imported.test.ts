import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import type { Predictions } from '../../src/api/predict.js';
import { random } from '../../src/base/random.js';
import { readBundle } from '../../src/bundle/read-bundle.js';
import { editJson, fresh, lcdnn } from '../faults/cli.js';
import { serving } from '../faults/serving.js';
import { launchChromium } from './chromium.js';

const FILE = fileURLToPath(new URL('../fixtures/onnx/residual-dynamo.onnx', import.meta.url));
const CLASSES = 5;
const PER_CLASS = 12;
const SIDE = 20;

const inPage = readFileSync(new URL('classify-in-page.js', import.meta.url), 'utf8')
  .replace(/;\s*$/, '')
  .replace(/^\/\/.*\n/, '');

/** Stripes whose direction tells the class, under noise. */
async function stripes(folder: string): Promise<void> {
  const next = random(5);
  for (let label = 0; label < CLASSES; label++) {
    mkdirSync(join(folder, `class-${label}`), { recursive: true });
    for (let i = 0; i < PER_CLASS; i++) {
      const phase = 6 * next();
      const pixels = Uint8Array.from({ length: SIDE * SIDE * 3 }, (_, at) => {
        const [x, y] = [Math.floor(at / 3) % SIDE, Math.floor(at / 3 / SIDE)];
        return 128 + 80 * Math.sin(0.8 * (x * Math.cos(label) + y * Math.sin(label)) + phase) + 40 * next();
      });
      const path = join(folder, `class-${label}`, `${i}.png`);
      await sharp(pixels, { raw: { width: SIDE, height: SIDE, channels: 3 } }).toFile(path);
    }
  }
}

/** Runs a command and expects it to succeed. @returns what it prints as JSON */
async function json<Result>(...args: string[]): Promise<Result> {
  const { code, stdout, stderr } = await lcdnn(...args, '--json');
  expect(code, `${args.join(' ')}: ${stderr} ${stdout}`).toBe(0);
  return JSON.parse(stdout) as Result;
}

it("a file of PyTorch's exporter is imported, trained, exported and served; page, predict and edge agree", async () => {
  const [images, run, first, bundle] = [fresh('images'), fresh('run'), fresh('first'), fresh('bundle')];
  await stripes(images);
  const data = ['--dataset', 'folder', '--data-dir', images];
  await json('import', FILE, ...data, '--no-freeze-full', '--epochs', '2', '--batch-size', '8', '--out', run);
  await json('train', '--resume', run);
  await json('tune-tau', run, '--objective', 'accuracy');
  await json('evaluate', run);
  await json('inspect', run);
  await json('plan', run);
  await json('export', run, '--out', first);

  // A threshold that half of the images exit below.
  const entropies = (await json<Predictions>('predict', images, '--bundle', first)).predictions.map(
    ({ entropy }) => entropy,
  );
  editJson(join(run, 'tau.json'), { tau: entropies.toSorted((a, b) => a - b)[entropies.length / 2] });
  await json('export', run, '--out', bundle);
  await json('bench', 'device', bundle, '--rounds', '2');

  const { labels } = readBundle(bundle).manifest;
  const here = (await json<Predictions>('predict', images, '--bundle', bundle)).predictions;
  expect(here).toHaveLength(CLASSES * PER_CLASS);
  expect(new Set(here.map(({ by }) => by))).toEqual(new Set(['branch', 'edge']));
  const { url } = await serving(bundle);
  const withEdge = (await json<Predictions>('predict', images, '--bundle', bundle, '--edge', url)).predictions;
  const answersOf = (predictions: typeof here) => predictions.map(({ times: _, bytes: __, ...answer }) => answer);
  expect(answersOf(withEdge)).toEqual(answersOf(here));

  const browser = await launchChromium();
  try {
    const page = await browser.newPage();
    await page.goto(`${url}/demo/`);
    const pngs = here.map(({ file }) => readFileSync(file, 'base64'));
    const answers = await page.evaluate(`(${inPage})(${JSON.stringify([pngs, {}])})`);
    const expected = here.map(({ label, by }) => ({ index: labels.indexOf(label), by, unsure: false }));
    expect(answers).toEqual(expected);
  } finally {
    await browser.close();
  }
}, 300_000);
