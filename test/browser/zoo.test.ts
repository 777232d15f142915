import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { BrowserContext } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { importLoader } from '../../src/bundle/import-loader.js';
import { readBundle } from '../../src/bundle/read-bundle.js';
import { writeBundle } from '../../src/bundle/write-bundle.js';
import { readImage } from '../../src/datasets/image.js';
import { createEdgeServer } from '../../src/edge/server.js';
import { openTail } from '../../src/edge/tail.js';
import { deployedState } from '../../src/network/deployed.js';
import type { JointNetwork } from '../../src/network/layers.js';
import { createNetwork } from '../../src/network/zoo/index.js';
import { initialState } from '../../src/train/initial-state.js';
import type { EdgeTensor } from '../../templates/loader/lcdnn.js';
import { BUILD_OPTIONS } from '../build-options.js';
import { TINY_ZOO } from '../zoo.js';
import { zooDraft } from '../zoo-bundle.js';
import { launchChromium } from './chromium.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-zoo-'));
const IMAGES = 4;
const inPage = readFileSync(new URL('classify-in-page.js', import.meta.url), 'utf8')
  .replace(/;\s*$/, '')
  .replace(/^\/\/.*\n/, '');
const imagenet = (name: string): [string, JointNetwork] => [
  `${name} for 224x224 images`,
  createNetwork(name, [224, 224, 3], 5, { width: 0.1 }),
];

let browser: BrowserContext;
beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Noise, from dark to bright, as PNG. */
function pngOf(network: JointNetwork, place: number): Promise<Buffer> {
  const [height, width, channels] = network.input;
  const pixels = Uint8Array.from({ length: height * width * channels }, (_, i) => ((i * 7919) % 127) + 32 * place);
  return sharp(pixels, { raw: { width, height, channels: channels as 1 | 3 } })
    .png()
    .toBuffer();
}

it.each([...TINY_ZOO.filter(([title]) => /LeNet|CIFAR/.test(title)), imagenet('alexnet'), imagenet('resnet18')])(
  '%s answers in Chromium as in Node, at the branch and at the edge',
  async (title, network) => {
    const file = join(folder, 'image.png');
    const path = join(folder, title.replaceAll(/\W+/g, '-'));
    const images = await Promise.all(Array.from({ length: IMAGES }, (_, i) => pngOf(network, i)));
    const state = deployedState(network, initialState(network, 'momentum', 1));
    for (const tau of [0, 1]) {
      await writeBundle(path, zooDraft(network, state, tau));
      const bundle = readBundle(path);
      const tail = await openTail(bundle);
      const { load } = await importLoader(path, bundle.manifest);
      const model = await load(pathToFileURL(`${path}/`), {
        edge: (sent: EdgeTensor) => tail.infer(sent, 1),
        timeoutMs: Number.POSITIVE_INFINITY,
      });
      const expected = [];
      for (const png of images) {
        writeFileSync(file, png);
        const { index, by, unsure } = await model.classify(await readImage(file));
        expected.push({ index, by, unsure });
      }
      await tail.close();
      expect(expected.map(({ by }) => by)).toEqual(new Array(IMAGES).fill(tau === 0 ? 'edge' : 'branch'));

      const server = await createEdgeServer(bundle);
      const page = await browser.newPage();
      await page.goto(`${await server.listen({ host: '127.0.0.1', port: 0 })}/demo/`);
      for (const build of BUILD_OPTIONS) {
        const pngs = images.map((png) => png.toString('base64'));
        expect(await page.evaluate(`(${inPage})(${JSON.stringify([pngs, build])})`)).toEqual(expected);
      }
      await page.close();
      await server.close();
    }
  },
  600_000,
);
