import { readFileSync } from 'node:fs';
import type { BrowserContext, Page } from 'playwright-core';
import { type ConnectionProfile, emulation } from '../../plan/connections.js';

/** The page to open, and what it loads. */
export interface PageTarget {
  /** Origin of the host. */
  readonly url: string;
  /** Path of a module that exports `load()`. */
  readonly module: string;
  /** Argument of `load`. */
  readonly options: object;
  /** Files beside the module that are requested together with it. */
  readonly hints?: readonly string[];
}

/** Network and CPU throttling of a page. */
export interface Conditions {
  readonly network: ConnectionProfile;
  /** Factor by which the processor is slowed down. */
  readonly slowdown: number;
}

/** Loading times, in ms; the download ends when the last file has arrived. */
export interface Loading {
  readonly downloadMs: number;
  readonly compileMs: number;
  readonly bytesDown: number;
}

/** One answer, in ms and bytes. `uplinkMs` excludes the server's own time. */
export interface AnswerRecord {
  readonly ms: number;
  readonly computeMs: number;
  readonly uplinkMs: number;
  readonly edgeMs: number;
  readonly bytesUp: number;
  readonly bytesDown: number;
  /** The chosen class. */
  readonly index: number;
  readonly asked: boolean;
}

export interface Visit {
  readonly loading: Loading;
  readonly answers: readonly AnswerRecord[];
}

const PAGE_SCRIPT = readFileSync(new URL('../../../templates/measure/system.js', import.meta.url), 'utf8');
/** Timeout of a page: the slowest network with the largest model needs minutes. */
const TIMEOUT_MS = 20 * 60_000;
/** A user's page is already loaded before the model is requested. */
const SETTLE_MS = 300;
/** Number of images that are passed to the page at a time. */
const CHUNK = 20;

/** How an approach is visited. */
export interface VisitOptions {
  /** Whether files come over the network; if not, they load at once, as from a cache. */
  readonly cold: boolean;
  /** Number of answers before the measured ones. */
  readonly warmUp: number;
}

/**
 * Opens an approach in a new page and classifies images, one after another.
 *
 * @param images normalised, NHWC
 */
export async function visit(
  browser: BrowserContext,
  { url, module, options, hints = [] }: PageTarget,
  { network, slowdown }: Conditions,
  images: readonly Float32Array[],
  { cold, warmUp }: VisitOptions,
): Promise<Visit> {
  const page = await pageWith(browser, url, images);
  try {
    const session = await browser.newCDPSession(page);
    await session.send('Network.enable');
    await session.send('Network.clearBrowserCache');
    const connect = () => session.send('Network.emulateNetworkConditions', emulation(network));
    if (cold) await connect();
    if (slowdown > 1) await session.send('Emulation.setCPUThrottlingRate', { rate: slowdown });
    const loading: Loading = await page.evaluate(`openApproach(${JSON.stringify({ module, options, hints })})`);
    // By now the branch is loaded, and the files that are fetched when idle have arrived, too.
    if (!cold) await page.evaluate('untilReady()');
    if (!cold) await page.waitForTimeout(SETTLE_MS);
    if (!cold) await connect();
    return { loading, answers: await page.evaluate(`classifyAll(${warmUp})`) };
  } finally {
    await page.close();
  }
}

/** An inference request as a page sends it. */
export interface SentRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** The request that an approach sends to the edge for an image, even if its own answer was confident. */
export async function recordRequest(
  browser: BrowserContext,
  { url, module, options, hints = [] }: PageTarget,
  image: Float32Array,
): Promise<SentRequest> {
  const page = await pageWith(browser, url, [image]);
  try {
    await page.evaluate(`openApproach(${JSON.stringify({ module, options, hints })})`);
    const [request] = await Promise.all([
      page.waitForRequest((request) => request.url().endsWith('/infer')),
      page.evaluate('askEdge()'),
    ]);
    const kept = Object.entries(request.headers()).filter(([name]) => /^(content-|inference-)/.test(name));
    return { url: request.url(), headers: Object.fromEntries(kept), body: request.postDataBuffer()! };
  } finally {
    await page.close();
  }
}

/** Opens an otherwise empty page of the origin, and passes it the images to classify. */
async function pageWith(browser: BrowserContext, url: string, images: readonly Float32Array[]): Promise<Page> {
  const page = await browser.newPage();
  page.setDefaultTimeout(TIMEOUT_MS);
  await page.goto(`${url}/v2`);
  await page.evaluate(PAGE_SCRIPT);
  await handOver(page, images);
  await page.waitForTimeout(SETTLE_MS);
  return page;
}

async function handOver(page: Page, images: readonly Float32Array[]): Promise<void> {
  for (let at = 0; at < images.length; at += CHUNK) {
    const texts = images
      .slice(at, at + CHUNK)
      .map((image) => Buffer.from(image.buffer, image.byteOffset, image.byteLength).toString('base64'));
    await page.evaluate(`addImages(${JSON.stringify(texts)})`);
  }
}
