import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { BrowserContext, Page, Route } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { importLoader } from '../../src/bundle/import-loader.js';
import { openTail } from '../../src/edge/tail.js';
import { type FaultProxy, startFaultProxy } from '../fault-proxy.js';
import { type ServeProcess, startServe } from '../serve-process.js';
import { largest, SIZE, tinyBundle, tinyImages } from '../tiny-bundle.js';
import { launchChromium } from './chromium.js';

// A page whose edge is another process, behind a network with faults. Whatever happens, each of its images has an answer:
// the right one of the edge, or the right one of the branch, which says that it is unsure and why.

const NAME = 'edge.example'; // this machine, by a name by which the browser doesn't know that
const folder = mkdtempSync(join(tmpdir(), 'lcdnn-edge-faults-'));
const bundle = join(folder, 'bundle');
const images = tinyImages(20);
/** What branch and edge say of each image. */
let expected: { branch: Float32Array; edge: Float32Array }[];
let server: ServeProcess;
let proxy: FaultProxy;
let browser: BrowserContext;
let page: Page;

interface Answer {
  readonly image: number;
  readonly by: string;
  readonly unsure: boolean;
  readonly edgeError?: string;
  readonly index: number;
  readonly probabilities: number[];
}

beforeAll(async () => {
  const png = await sharp({ create: { width: SIZE, height: SIZE, channels: 3, background: '#888' } })
    .png()
    .toBuffer();
  // At τ = 0 the branch is sure of nothing: every image goes to the edge.
  const made = await tinyBundle(bundle, { tau: 0, samples: [{ png, label: 'one' }] });
  const tail = await openTail(made);
  const { load } = await importLoader(bundle, made.manifest);
  const model = await load(pathToFileURL(`${bundle}/`), { edge: (tensor) => tail.infer(tensor, 1) });
  expected = [];
  for (const image of images) {
    const branch = (await model.branch(image)).probabilities;
    expected.push({ branch, edge: (await model.classify(image)).probabilities });
  }
  await tail.close();
  server = await startServe(bundle);
  proxy = await startFaultProxy(server.port);
  browser = await launchChromium({ args: [`--host-resolver-rules=MAP ${NAME} 127.0.0.1`] });
});
afterAll(async () => {
  await browser?.close();
  await proxy?.close();
  await server?.kill();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  page = await browser.newPage();
  await prepare(page, proxy.url);
});
afterEach(async () => {
  Object.assign(proxy.faults, { delayMs: 0, resets: 0, link: 'up' });
  await page.close();
});

/** Opens that origin in a page, where `model` asks the edge for every image of `images`. */
async function prepare(page: Page, url: string): Promise<void> {
  await page.goto(`${url}/lcdnn.d.ts`); // which runs nothing
  await page.evaluate(`import('/lcdnn.js').then(async ({ load }) => {
    globalThis.load = load;
    globalThis.images = ${JSON.stringify(images.map((image) => Array.from(image)))}.map((image) => Float32Array.from(image));
    globalThis.model = await load();
  })`);
}

/** Classifies so many images, some at a time; \`each\` is run, where it is given, with the number of each of them. */
const classify = (count: number, options: object = {}, each = ''): Promise<Answer[]> =>
  page.evaluate(`(async () => {
    const answers = [];
    let next = 0;
    const ask = async () => {
      while (next < ${count}) {
        const number = next++;
        const image = number % images.length;
        ${each}
        const { by, unsure, edgeError, index, probabilities } = await model.classify(images[image], ${JSON.stringify(options)});
        answers.push({ image, by, unsure, edgeError, index, probabilities: Array.from(probabilities) });
      }
    };
    await Promise.all([ask(), ask(), ask(), ask()]);
    return answers;
  })()`);

/** None is lost, none is wrong, and none that the edge did not give looks as if. @returns how many the edge gave */
function check(answers: Answer[], count: number): number {
  expect(answers.length).toBe(count);
  for (const { image, by, unsure, edgeError, index, probabilities } of answers) {
    const right = expected[image][by as 'branch' | 'edge'];
    expect([index, probabilities.length]).toEqual([largest(Float32Array.from(probabilities)), right.length]);
    // Whom the server puts together with others is computed in another order.
    for (const [i, p] of probabilities.entries()) expect(p).toBeCloseTo(right[i], by === 'edge' ? 5 : 12);
    expect([by, unsure, typeof edgeError]).toEqual(
      by === 'edge' ? ['edge', false, 'undefined'] : ['branch', true, 'string'],
    );
  }
  return answers.filter(({ by }) => by === 'edge').length;
}

const state = () => page.evaluate<string>('model.edge.state');

/** The edge answers again, as soon as the breaker lets anyone ask. */
async function expectRecovery(): Promise<void> {
  await expect.poll(() => classify(1).then(([{ by }]) => by), { timeout: 60_000, interval: 100 }).toBe('edge');
  expect(check(await classify(40), 40)).toBe(40);
  expect(await state()).toBe('closed');
}

describe('a page', () => {
  it('has an answer for each of 1,000 images while its server is killed and started again', async () => {
    let restarted: Promise<void> | undefined;
    await page.exposeFunction('kill', () => server.kill());
    await page.exposeFunction('restart', () => {
      restarted = startServe(bundle, server.port).then((other) => {
        server = other;
      });
    });
    const before = proxy.connections();
    const answers = await classify(
      1000,
      {},
      `if (number === 300) kill();
      if (number === 600) restart();
      await new Promise((resolve) => setTimeout(resolve, 2));`,
    );
    const byEdge = check(answers, 1000);
    expect(byEdge).toBeGreaterThan(250);
    expect(byEdge).toBeLessThan(1000);
    // A dead server is left alone: 300 images or more were not sent.
    expect(proxy.connections() - before).toBeLessThan(60);
    await restarted;
    await expectRecovery();
  });

  it.each(['cut', 'silent'] as const)('has an answer for each image while the network is %s', async (link) => {
    await page.evaluate('load(undefined, { timeoutMs: 1500 }).then((made) => { globalThis.model = made; })');
    expect(check(await classify(40), 40)).toBe(40);
    proxy.faults.link = link;
    if (link === 'cut') proxy.cut();
    expect(check(await classify(200), 200)).toBe(0);
    // If the pause has ended since the last image, the next one is a probe: it fails, and requests pause again.
    if ((await state()) === 'half-open') expect(check(await classify(1), 1)).toBe(0);
    expect(await state()).toBe('open');
    proxy.faults.link = 'up';
    proxy.cut(); // what was silent once stays so
    await expectRecovery();
  });

  it('waits for a slow network as long as its budget lets it', async () => {
    proxy.faults.delayMs = 400;
    expect(check(await classify(8), 8)).toBe(8);
    const hasty = await classify(8, { budgetMs: 150 });
    expect(check(hasty, 8)).toBe(0);
    for (const { edgeError } of hasty) expect(edgeError).toMatch(/did not answer within \d+ ms|no requests for/);
  });

  it('has nearly every answer of the edge where 5 % of its connections are reset', async () => {
    proxy.faults.resets = 0.05;
    const byEdge = check(await classify(400), 400);
    expect(byEdge).toBeGreaterThan(360);
  });

  it('asks nobody while it is offline, and the edge at once when it is not', async () => {
    await prepare(page, proxy.url.replace('127.0.0.1', NAME));
    expect(check(await classify(4), 4)).toBe(4);
    await browser.setOffline(true);
    await expect.poll(state).toBe('offline');
    const offline = await classify(40);
    expect(check(offline, 40)).toBe(0);
    expect(new Set(offline.map(({ edgeError }) => edgeError))).toEqual(new Set(['this device is offline']));
    await browser.setOffline(false);
    expect(check(await classify(40), 40)).toBe(40);
  });

  it.each([
    [
      'fails',
      /lcdnn-edge\.js(\?retry=\d+)?: expected a script of the bundle, found none \(Failed to fetch dynamically imported module/,
    ],
    ['hangs', /^the edge did not answer within \d+ ms$/],
  ])('has an answer where the client of the edge %s, and asks once that is here', async (fault, reason) => {
    await page.close();
    page = await browser.newPage();
    const held: Route[] = [];
    const client = /\/lcdnn-edge\.js(\?|$)/; // a repeated import has a query
    await page.route(client, (route) => (fault === 'fails' ? route.abort() : held.push(route)));
    await prepare(page, proxy.url);
    const answers = await classify(4, { budgetMs: 500 });
    expect(check(answers, 4)).toBe(0);
    for (const { edgeError } of answers) expect(edgeError).toMatch(reason);
    for (const route of held) await route.continue();
    await page.unroute(client);
    expect(check(await classify(4), 4)).toBe(4);
  });

  it('is told of another version, and never takes its answers', async () => {
    await page.evaluate(`load(undefined, { onStale: (version) => { globalThis.newer = version; } })
      .then((made) => { globalThis.model = made; })`);
    const other = join(folder, 'other');
    const { manifest } = await tinyBundle(other, { tau: 0.25 });
    await server.kill();
    server = await startServe(other, server.port);
    expect(check(await classify(10), 10)).toBe(0);
    expect(await page.evaluate('[model.stale, newer]')).toEqual([true, manifest.version]);
    await server.kill();
    server = await startServe(bundle, server.port);
    await expectRecovery();
  });
});

describe('the demo page', () => {
  it('shows an answer whatever the network does, and says whose it is', async () => {
    await page.goto(`${proxy.url}/demo/`);
    const sample = page.locator('#samples button').first();
    const expectAnswer = async (by: RegExp) => {
      await sample.click();
      await page.locator('#by').filter({ hasText: by }).waitFor();
      expect(await page.locator('#label').textContent()).toMatch(/^(one|two|three)$/);
    };
    await expectAnswer(/^Answered by the edge$/);
    proxy.faults.link = 'cut';
    proxy.cut();
    for (let i = 0; i < 3; i++) await expectAnswer(/^Branch, unsure: .*(no answer|no requests for)/);
    await page.locator('#edge-state').filter({ hasText: 'unreachable, paused' }).waitFor();
    expect(await page.locator('#of-unsure').textContent()).toBe('3');
    proxy.faults.link = 'up';
    await page.locator('#edge-state').filter({ hasText: 'unreachable, retrying' }).waitFor();
    await expectAnswer(/^Answered by the edge$/);
  });
});
