import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import pino from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Model as LoadedModel, LoadOptions } from '../../templates/loader/lcdnn.js';
import { largest, tinyBundle, tinyImages } from '../../test/tiny-bundle.js';
import { median, sum } from '../base/statistics.js';
import { importLoader } from '../bundle/import-loader.js';
import type { Bundle } from '../bundle/read-bundle.js';
import { entropyBin, type UseCounts } from '../tau/in-use.js';
import { listen } from './listen.js';
import { createLoadShedding } from './load-shedding.js';
import type { Model } from './models/model.js';
import { readUsageCounts } from './read-usage-counts.js';
import { createEdgeServer, type EdgeServer, type EdgeServerOptions } from './server.js';
import { openTail } from './tail.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-use-'));
const served = join(folder, 'served');
const images = tinyImages(40);
let bundle: Bundle;
const servers: EdgeServer[] = [];

/** Half of the images leave. */
let tau: number;

beforeAll(async () => {
  const draft = join(folder, 'draft');
  const { load: loadDraft } = await importLoader(draft, (await tinyBundle(draft)).manifest);
  const model = await loadDraft(pathToFileURL(`${draft}/`), { edge: false });
  const entropies = await Promise.all(images.map(async (image) => (await model.branch(image)).entropy));
  tau = median(entropies);
  bundle = await tinyBundle(served, { tau });
});
afterAll(async () => {
  for (const server of servers) await server.close();
  rmSync(folder, { recursive: true, force: true });
});

async function serve(options: EdgeServerOptions = {}): Promise<string> {
  const server = await createEdgeServer(bundle, options);
  servers.push(server);
  return listen(server, { host: '127.0.0.1', port: 0 });
}

async function load(edge: string, options: LoadOptions = {}): Promise<LoadedModel> {
  const loader = await importLoader(served, bundle.manifest);
  return loader.load(pathToFileURL(`${served}/`), { edge, ...options });
}

/** The counts that a server should have, from the branch and the tail themselves; `audit`: of all sure images. */
async function expectedCounts(model: LoadedModel, audit: boolean): Promise<UseCounts> {
  const zeros = () => ({ all: Array(512).fill(0), disagreed: Array(512).fill(0) });
  const counts = { tau, exits: 0, unsure: zeros(), audited: zeros() };
  const tail = await openTail(bundle);
  for (const image of images) {
    const { entropy, logits, shared } = await model.branch(image);
    if (entropy < tau && !audit) {
      counts.exits++;
      continue;
    }
    const { all, disagreed } = entropy < tau ? counts.audited : counts.unsure;
    all[entropyBin(entropy)]++;
    if (largest(logits) !== largest(await tail.infer(shared, 1))) disagreed[entropyBin(entropy)]++;
  }
  await tail.close();
  return counts;
}

test('a server counts what its clients send, and how many they did not send', async () => {
  const url = await serve();
  const model = await load(url);
  for (const image of images) await model.classify(image);
  const expected = await expectedCounts(model, false);
  const { counts, ...about } = await readUsageCounts(url);
  expect(about).toEqual({ model: 'tiny', version: bundle.manifest.version });
  // Images that left after the last request are not yet told.
  expect(sum(expected.unsure.all)).toBeGreaterThan(5);
  expect(expected.exits).toBeGreaterThan(5);
  expect(counts.exits).toBeLessThanOrEqual(expected.exits);
  await model.classify(images[0], { edge: 'always' });
  const told = (await readUsageCounts(url)).counts;
  expect(told.exits).toBe(expected.exits);
  expect(told.audited).toEqual(expected.audited);
});

test('with audits sure images are sent as well, behind the answer', async () => {
  const url = await serve();
  const model = await load(url, { audit: 1 });
  for (const image of images) {
    const answer = await model.classify(image);
    if (answer.entropy < tau) expect(answer).toMatchObject({ by: 'branch', unsure: false, bytes: { sent: 0 } });
  }
  const expected = await expectedCounts(model, true);
  await expect.poll(async () => (await readUsageCounts(url)).counts, { timeout: 10_000 }).toEqual(expected);
});

test('clients with a threshold of their own are not counted', async () => {
  const url = await serve();
  const model = await load(url, { tau: 0 });
  for (const image of images) expect((await model.classify(image)).by).toBe('edge');
  const { counts } = await readUsageCounts(url);
  expect(sum([...counts.unsure.all, ...counts.audited.all, counts.exits])).toBe(0);
});

test('asks for the token, and names what it did not find', async () => {
  const url = await serve({ token: 'open' });
  await expect(readUsageCounts(url)).rejects.toThrow(/asks for a token; give it with --token-file/);
  expect((await readUsageCounts(url, { token: 'open' })).model).toBe('tiny');
  await expect(readUsageCounts(url, { token: 'open', model: 'huge' })).rejects.toThrow(
    /expected a model huge, found tiny/,
  );
  await expect(readUsageCounts('http://127.0.0.1:1')).rejects.toThrow(
    /expected an answer of "lcdnn serve", found none/,
  );
  await expect(readUsageCounts('edge')).rejects.toThrow(/expected the address of an edge server/);
});

test('a busy server asks for less, within its floor of accuracy, and only then', () => {
  let waiting = 0;
  const curve = [
    { tau: 0.1, accuracy: 0.99, exitRatio: 0.8 },
    { tau: 0.4, accuracy: 0.986, exitRatio: 0.9 },
    { tau: 0.8, accuracy: 0.95, exitRatio: 1 },
  ];
  const model = { name: 'any', tau: 0.1, waiting: () => waiting, measured: { full: { accuracy: 0.99 }, curve } };
  const header = (points: number | undefined, maxQueue = 10) =>
    createLoadShedding(points, maxQueue, pino({ level: 'silent' })).header(model as unknown as Model);
  expect(header(0.5)).toBeUndefined();
  waiting = 5;
  expect(header(0.5)).toBe('0.4;max-age=10');
  expect(header(5)).toBe('0.8;max-age=10');
  expect(header(0.1)).toBeUndefined();
  expect(header(undefined)).toBeUndefined();
  expect(header(0.5, 11)).toBeUndefined();
});
