import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { BrowserContext } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { importLoader } from '../../src/bundle/import-loader.js';
import { readBundle } from '../../src/bundle/read-bundle.js';
import { writeBundle } from '../../src/bundle/write-bundle.js';
import { createEdgeServer } from '../../src/edge/server.js';
import { openTail } from '../../src/edge/tail.js';
import { type Encoding, UPLINKS, type Uplink } from '../../src/export/uplink/encoding.js';
import { deployedState } from '../../src/network/deployed.js';
import { initialState } from '../../src/train/initial-state.js';
import { TINY_ZOO } from '../zoo.js';
import { zooDraft, zooEncoding } from '../zoo-bundle.js';
import { launchChromium } from './chromium.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-uplink-'));
const [, network] = TINY_ZOO[0];
const state = deployedState(network, initialState(network, 'momentum', 1));
const length = network.input.reduce((product, size) => product * size, 1);
/** Pixels from dark to bright, and different everywhere. */
const images = [0, 60, 120].map((least) => Array.from({ length }, (_, i) => least + ((i * 7919) % 127)));

let browser: BrowserContext;
beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** What is sent for each image, byte by byte, and the answer to it. */
interface Asked {
  readonly sent: number[];
  readonly probabilities: number[];
  readonly by: string;
}

/** Runs in the page, as text: the test runner would rewrite its import. */
const inPage = (images: number[][]) => `(async () => {
  const { load } = await import(new URL('/lcdnn.js', location.href).href);
  const slow = { tau: 0, timeoutMs: Number.POSITIVE_INFINITY };
  const sends = [];
  const asking = await load(undefined, slow);
  const watching = await load(undefined, { ...slow, edge: async (tensor) => {
    sends.push(Array.from(new Uint8Array(tensor.buffer, tensor.byteOffset, tensor.byteLength)));
    return asking.manifest.labels.map(() => 0);
  } });
  const answers = [];
  const sizes = [];
  for (const pixels of ${JSON.stringify(images)}) {
    await watching.classify(Uint8Array.from(pixels));
    const { probabilities, by, bytes } = await asking.classify(Uint8Array.from(pixels));
    answers.push({ sent: sends.pop(), probabilities: Array.from(probabilities), by });
    sizes.push(bytes.sent);
  }
  const odd = Float32Array.from({ length: 20000 }, (_, i) => (i - 10000) * 1.0001 ** (i % 500) * 2 ** -(i % 23));
  const { encode } = await import(new URL('/lcdnn-edge.js', location.href).href);
  const halves = encode(odd, { datatype: 'FP16' });
  const own = new Uint16Array(new Float16Array(odd).buffer);
  return { answers, sizes, wrongHalves: own.filter((bits, i) => bits !== halves[i]).length };
})()`;

async function inNode(path: string): Promise<Asked[]> {
  const bundle = readBundle(path);
  const tail = await openTail(bundle);
  const answers: Asked[] = [];
  let sent: number[] = [];
  const { load } = await importLoader(path, bundle.manifest);
  const model = await load(pathToFileURL(`${path}/`), {
    tau: 0,
    timeoutMs: Number.POSITIVE_INFINITY,
    edge: (tensor) => {
      sent = Array.from(new Uint8Array(tensor.buffer, tensor.byteOffset, tensor.byteLength));
      return tail.infer(tensor, 1);
    },
  });
  for (const pixels of images) {
    const { probabilities, by } = await model.classify(Uint8Array.from(pixels));
    answers.push({ sent, probabilities: Array.from(probabilities), by });
  }
  await tail.close();
  return answers;
}

it.each<Uplink>([
  ...UPLINKS,
])('sending %s, Chromium sends the bytes that Node sends, and has its answer', async (uplink) => {
  const encoding: Encoding = zooEncoding(network, state, uplink);
  const path = join(folder, uplink);
  await writeBundle(path, zooDraft(network, state, 0.5, encoding));
  const bundle = readBundle(path);
  const server = await createEdgeServer(bundle);
  const page = await browser.newPage();
  await page.goto(`${await server.listen({ host: '127.0.0.1', port: 0 })}/demo/`);
  const found: { answers: Asked[]; sizes: number[]; wrongHalves: number } = await page.evaluate(inPage(images));
  const expected = await inNode(path);
  expect(found.answers).toEqual(expected);
  expect(found.answers.map(({ by }) => by)).toEqual(['edge', 'edge', 'edge']);
  expect(found.wrongHalves).toBe(0);
  if (uplink === 'image') expect(expected.map(({ sent }) => sent)).toEqual(images);
  if (uplink === 'f32' || uplink === 'image') expect(Math.max(...found.sizes)).toBeLessThan(expected[0].sent.length);
  await page.close();
  await server.close();
}, 120_000);
