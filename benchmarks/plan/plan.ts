/**
 * Compares the predictions of `lcdnn plan` with Chromium and `lcdnn serve`: `npm run bench:plan`. Three networks with random
 * weights over four emulated connections; τ is chosen so that 7 of 10 images exit early. `lcdnn bench device` and `lcdnn
 * bench edge` measure device and edge just before. Chromium's emulation delays every few KB until a timer fires and delivers less
 * than a fast connection's bandwidth. The delivered bandwidth and the bytes of a request are therefore measured and used
 * in the predictions; "by name" uses the nominal bandwidth.
 *
 *   --images 20    images of noise
 *   --rounds 5     how often each is classified
 *   --visits 3     visits of a page with an empty cache
 *   --only TEXT    only networks whose title contains TEXT
 *   --json F       writes all numbers as JSON
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import type { BrowserContext, Page } from 'playwright-core';
import { table } from '../../src/base/format.js';
import { median } from '../../src/base/statistics.js';
import { writeBundle } from '../../src/bundle/write-bundle.js';
import { connectionProfile, emulation } from '../../src/plan/connections.js';
import { REQUEST_BYTES } from '../../src/plan/price.js';
import { launchChromium } from '../../test/browser/chromium.js';
import { buildCase, NETWORK_CASES, type NetworkCase } from '../browser/network-cases.js';
import { packageVersions, writeResult } from '../results.js';

const { values: flags } = parseArgs({
  options: {
    images: { type: 'string', default: '20' },
    rounds: { type: 'string', default: '5' },
    visits: { type: 'string', default: '3' },
    only: { type: 'string', default: '' },
    json: { type: 'string' },
  },
});
const [images, rounds, visits] = [flags.images, flags.rounds, flags.visits].map(Number);

const TITLES = ['LeNet', 'AlexNet-CIFAR', 'ResNet18-CIFAR'];
/** Fastest first, right after device and edge are measured, because their times depend most on the machine's load. */
const CONNECTIONS = ['wifi', '5g', '4g', '3g'];
const EXIT_SHARE = 0.7;
/** In percent. */
const GOAL = 15;

const LCDNN = [fileURLToPath(new URL('../../bin/run.js', import.meta.url))];
const run = promisify(execFile);

async function lcdnnJson<Result>(...args: string[]): Promise<{ text: string; result: Result }> {
  const { stdout } = await run(process.execPath, [...LCDNN, ...args, '--json'], { maxBuffer: 2 ** 28 });
  return { text: stdout, result: JSON.parse(stdout) };
}

/** Starts `lcdnn serve` in its own process. */
async function serve(bundle: string): Promise<{ url: string; stop(): Promise<void> }> {
  const child = spawn(process.execPath, [...LCDNN, 'serve', bundle, '--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const ended = once(child, 'exit');
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
  };
  return { url: /http:\/\/[\d.:]+/.exec(line.toString())![0], stop };
}

/** Opens an empty page of the server's origin with an emulated connection. */
async function openPage(browser: BrowserContext, url: string, connection: string): Promise<Page> {
  const page = await browser.newPage();
  await page.goto(`${url}/manifest.json`);
  // A user's page is loaded before it requests the model.
  await page.waitForTimeout(500);
  const session = await browser.newCDPSession(page);
  await session.send('Network.enable');
  await session.send('Network.clearBrowserCache');
  await session.send('Network.emulateNetworkConditions', emulation(connectionProfile(connection)));
  return page;
}

/** Evaluated in a page: loads a model that waits for the edge without a limit; creates images of noise. */
const LOADED = (tau: number) =>
  `(async () => { const { load } = await import('/lcdnn.js'); return load(undefined, { tau: ${tau}, timeoutMs: 1e6 }); })()`;
const NOISE = `(i, shape) => {
  let state = 1 + i;
  const draw = () => (state = (state * 48271) % 2147483647) / 2147483647;
  for (let skipped = 0; skipped < 10; skipped++) draw();
  const [low, high] = [draw(), draw()];
  return Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => 4 * (low + (high - low) * draw()) - 2);
}`;

/** τ between two entropies, so that the share of early exits is as close as possible to EXIT_SHARE. */
async function tauFor(
  browser: BrowserContext,
  url: string,
): Promise<{ tau: number; ratio: number; exiting: boolean[] }> {
  const page = await openPage(browser, url, 'wifi');
  const entropies: number[] = await page.evaluate(`(async () => {
    const model = await ${LOADED(2)};
    const found = [];
    for (let i = 0; i < ${images}; i++) found.push((await model.classify((${NOISE})(i, model.manifest.input.shape))).entropy);
    return found;
  })()`);
  await page.close();
  const sorted = entropies.toSorted((a, b) => a - b);
  const count = Math.round(EXIT_SHARE * images);
  const tau = (sorted[count - 1] + sorted[count]) / 2;
  const exiting = entropies.map((entropy) => entropy < tau);
  return { tau, ratio: exiting.filter(Boolean).length / images, exiting };
}

interface Further {
  readonly ms: number;
  /** Bytes of a request; tensors travel as deflated float32. */
  readonly sentBytes: number;
}

/** Mean over the images of the median of their rounds, with a loaded model. */
async function further(browser: BrowserContext, url: string, connection: string, tau: number): Promise<Further> {
  const page = await openPage(browser, url, connection);
  const { times, sent }: { times: number[][]; sent: number[] } = await page.evaluate(`(async () => {
    const model = await ${LOADED(tau)};
    const shape = model.manifest.input.shape;
    const times = Array.from({ length: ${images} }, () => []);
    const sent = [];
    for (let round = -1; round < ${rounds}; round++) {
      for (let i = 0; i < ${images}; i++) {
        const image = (${NOISE})(i, shape);
        const start = performance.now();
        const { bytes } = await model.classify(image);
        if (round >= 0) times[i].push(performance.now() - start);
        if (bytes.sent > 0) sent.push(bytes.sent);
      }
    }
    return { times, sent };
  })()`);
  await page.close();
  return {
    ms: times.reduce((sum, rounds) => sum + median(rounds), 0) / images,
    sentBytes: sent.reduce((sum, bytes) => sum + bytes, 0) / sent.length,
  };
}

/** From the import of the loader to the answer to an image, in a page with an empty cache. */
async function firstMs(browser: BrowserContext, url: string, connection: string, tau: number, image: number) {
  const page = await openPage(browser, url, connection);
  const ms: number = await page.evaluate(`(async () => {
    const start = performance.now();
    const model = await ${LOADED(tau)};
    await model.classify((${NOISE})(${image}, model.manifest.input.shape));
    return performance.now() - start;
  })()`);
  await page.close();
  return ms;
}

/** In Mbit/s. */
interface Bandwidths {
  readonly up: number;
  readonly down: number;
}

/** Bandwidth of the emulation: downloads the weights and uploads bytes, and subtracts the time of a tiny request. */
async function delivered(browser: BrowserContext, url: string, connection: string): Promise<Bandwidths> {
  const page = await openPage(browser, url, connection);
  const found: Bandwidths = await page.evaluate(`(async () => {
    const timed = async (url, options) => {
      const start = performance.now();
      await (await fetch(url, { cache: 'reload', ...options })).arrayBuffer();
      return performance.now() - start;
    };
    const middle = (values) => values.sort((a, b) => a - b)[values.length >> 1];
    const send = (bytes) => timed('/v2/models/none/infer', { method: 'POST', body: new Uint8Array(bytes) });
    const UP = 60_000;
    const times = { small: [], down: [], none: [], up: [] };
    for (let round = 0; round < 3; round++) {
      times.small.push(await timed('/package.json'));
      times.down.push(await timed('/weights.safetensors'));
      times.none.push(await send(1));
      times.up.push(await send(UP));
    }
    const sizeOf = (file) => performance.getEntriesByName(new URL(file, location.href).href)[0].encodedBodySize;
    const mbps = (bytes, ms) => bytes * 8 / 1000 / Math.max(ms, 0.01);
    return {
      down: mbps(sizeOf('/weights.safetensors') - sizeOf('/package.json'), middle(times.down) - middle(times.small)),
      up: mbps(UP, middle(times.up) - middle(times.none)),
    };
  })()`);
  await page.close();
  return found;
}

/** In ms. */
interface Times {
  readonly measured: number;
  readonly predicted: number;
  readonly byName: number;
  readonly byTable: number;
}

interface Comparison {
  readonly title: string;
  readonly connection: string;
  readonly bandwidths: Bandwidths;
  readonly ratio: number;
  readonly first: Times;
  readonly further: Times;
}

interface Planned {
  readonly design: { readonly expectedMs: number; readonly furtherMs: number };
}

async function compare(folder: string, browser: BrowserContext, networkCase: NetworkCase): Promise<Comparison[]> {
  const { title, network, input, classes } = networkCase;
  const at = (name: string) => join(folder, `${title}-${name}`);
  const { bundle } = buildCase(networkCase);
  const values = bundle.manifest.tail.shape.reduce((all, size) => all * size, 1);
  await writeBundle(at('bundle'), bundle);
  const described = [network, '--image', input.join('x'), '--classes', String(classes)];
  writeFileSync(at('device.json'), (await lcdnnJson('bench', 'device', at('bundle'), '--rounds', '60')).text);
  writeFileSync(at('edge.json'), (await lcdnnJson('bench', 'edge', ...described)).text);
  const server = await serve(at('bundle'));
  try {
    const { tau, ratio, exiting } = await tauFor(browser, server.url);
    const found: Comparison[] = [];
    for (const connection of CONNECTIONS) {
      const { ms: furtherMs, sentBytes } = await further(browser, server.url, connection, tau);
      const ways: number[][] = [[], []];
      for (let visit = 0; visit < visits; visit++) {
        ways[0].push(await firstMs(browser, server.url, connection, tau, exiting.indexOf(true)));
        ways[1].push(await firstMs(browser, server.url, connection, tau, exiting.indexOf(false)));
      }
      const first = ratio * median(ways[0]) + (1 - ratio) * median(ways[1]);
      const planArguments = [
        'plan',
        ...described,
        '--network',
        connection,
        '--exit-ratios',
        String(ratio),
        '--max-exits',
        '1',
        '--uplink-bits',
        String((8 * (sentBytes - REQUEST_BYTES)) / values),
      ];
      const bandwidths = await delivered(browser, server.url, connection);
      const plan = async (...more: string[]) => (await lcdnnJson<Planned>(...planArguments, ...more)).result.design;
      const measuredTimes = ['--device', at('device.json'), '--edge', at('edge.json')];
      const predicted = await plan(...measuredTimes, ...['--up', bandwidths.up, '--down', bandwidths.down].map(String));
      const byName = await plan(...measuredTimes);
      const byTable = await plan();
      const times = (measured: number, of: keyof Planned['design']): Times => ({
        measured,
        predicted: predicted[of],
        byName: byName[of],
        byTable: byTable[of],
      });
      found.push({
        ...{ title, connection, bandwidths, ratio },
        first: times(first, 'expectedMs'),
        further: times(furtherMs, 'furtherMs'),
      });
    }
    return found;
  } finally {
    await server.stop();
  }
}

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-plan-'));
const browser = await launchChromium();
try {
  const cases = NETWORK_CASES.filter(({ title }) => TITLES.includes(title) && title.includes(flags.only));
  const found: Comparison[] = [];
  for (const networkCase of cases) found.push(...(await compare(folder, browser, networkCase)));
  if (flags.json) writeFileSync(flags.json, JSON.stringify(found, null, 1));
  const error = (predicted: number, measured: number): string => {
    const percent = 100 * (predicted / measured - 1);
    return `${percent < 0 ? '' : '+'}${percent.toFixed(0)} %`;
  };
  const cells = ({ measured, predicted, byName, byTable }: Times): string[] => [
    ...[measured, predicted].map((ms) => (ms < 1000 ? ms.toPrecision(3) : ms.toFixed(0))),
    ...[predicted, byName, byTable].map((ms) => error(ms, measured)),
  ];
  const rows = found.map(({ title, connection, bandwidths, ratio, first, further }) => [
    title,
    connection,
    `${bandwidths.up.toPrecision(2)}, ${bandwidths.down.toPrecision(2)}`,
    `${(100 * ratio).toFixed(0)} %`,
    ...cells(first),
    ...cells(further),
  ]);
  const each = ['ms', 'predicted', 'error', 'by name', 'by table'];
  const header = [
    ['', '', '', '', 'first answer', '', '', '', '', 'further answers', '', '', '', ''],
    ['network', 'over', 'up, down Mbit/s', 'exit', ...each, ...each],
  ];
  console.log(table([...header, ...rows], [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]));
  const ms = (value: number): string =>
    value < 1000 ? value.toPrecision(3) : Math.round(value).toLocaleString('en-US');
  const brief = ({ measured, predicted }: Times): string[] => [
    ms(measured),
    ms(predicted),
    Math.abs(predicted / measured - 1) < GOAL / 100 ? error(predicted, measured) : `**${error(predicted, measured)}**`,
  ];
  const titles = ['first answer', 'predicted', 'error', 'further answers', 'predicted', 'error'];
  const answers = {
    columns: [{ title: 'network' }, { title: 'over' }, ...titles.map((title) => ({ title, align: 'right' as const }))],
    rows: found.map(({ title, connection, first, further }) => [title, connection, ...brief(first), ...brief(further)]),
  };
  const versions = { chromium: browser.browser()?.version() ?? 'unknown', ...packageVersions('onnxruntime-node') };
  if (flags.only === '') writeResult('plan-error', { command: 'npm run bench:plan', versions, tables: { answers } });
  const errors = found
    .flatMap(({ first, further }) => [first, further])
    .map(({ measured, predicted }) => 100 * Math.abs(predicted / measured - 1));
  const within = errors.filter((value) => value < GOAL).length;
  console.log(
    `\n${within} of ${errors.length} predictions are within ${GOAL} %; median error ${median(errors).toFixed(1)} %`,
  );
} finally {
  await browser.close();
  rmSync(folder, { recursive: true });
}
