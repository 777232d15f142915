import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrowserContext } from 'playwright-core';
import { writeFileAtomic } from '../base/files.js';
import { LONG_VISIT_MS } from '../baselines/measure/measure.js';
import { runtimeFiles } from '../baselines/measure/runtime.js';
import { measureSystem } from '../baselines/measure/system.js';
import type { Conditions } from '../baselines/measure/visit.js';
import { devicePowers } from '../baselines/results/powers.js';
import { type Approach, RESULTS_FORMAT, type SystemResults } from '../baselines/results/results.js';
import { defaultThreads } from '../edge/server.js';
import { launchChromium } from '../profiling/launch-chromium.js';
import { exportTrained } from './export-web.js';
import { type BaselineRuns, comparedRuns, drawTestImages, networkFacts, openMeasured } from './measured-run.js';
import { type LiteRtPaths, openLiteRtPeers } from './open-litert-peers.js';
import type { DataOptions } from './run-data.js';

export interface CompareOptions extends DataOptions {
  /** Connections and processor speeds to measure under. */
  readonly conditions: readonly Conditions[];
  /** Runs of trained baselines to include. */
  readonly baselines?: BaselineRuns;
  /** Models to measure in LiteRT.js. */
  readonly litert?: LiteRtPaths;
  /** Approaches to leave out. */
  readonly without?: readonly Approach[];
  /** Random test images. Default: 100. */
  readonly images?: number;
  /** Visits with an empty cache, per kind of image. Default: 4. */
  readonly visits?: number;
  /** How long the edge's capacity is measured, in ms. Default: 2000. */
  readonly edgeMs?: number;
  /** Latency that Edgent has to keep, in ms. Default: 100. */
  readonly limitMs?: number;
  /** Seed of the choice of images. Default: 1. */
  readonly seed?: number;
  /** Threads of the edge for one batch. Default: all processors but one. */
  readonly threads?: number;
  /** Path of a Chromium or Chrome. */
  readonly browser?: string;
  /** File for the results, which `lcdnn report` reads. */
  readonly out?: string;
  /** Called with a few words when another measurement begins. */
  readonly onStep?: (text: string) => void;
}

/**
 * Measures whole answers in a real browser over emulated networks: LcDNN and what else could run, from opening the page
 * to the answer.
 *
 * @param run a run directory that is tuned and evaluated
 * @throws UserError if the run isn't measured yet, or a browser or ONNX Runtime Web is missing
 */
export async function compareRuns(run: string, options: CompareOptions): Promise<SystemResults> {
  const { images = 100, visits = 4, edgeMs = 2000, limitMs = 100, seed = 1, onStep = () => {} } = options;
  runtimeFiles(); // fails at once if ONNX Runtime Web is missing
  const measured = await openMeasured(run, options);
  const browser = await launchChromium({ program: options.browser });
  const folder = mkdtempSync(join(tmpdir(), 'lcdnn-system-'));
  try {
    const litert = openLiteRtPeers(options.litert ?? {}, options.onNote ?? (() => {}));
    const compared = await comparedRuns(measured, options.baselines ?? {}, options);
    const bundle = join(folder, 'bundle');
    onStep('export');
    await exportTrained(measured, { out: bundle });
    const drawn = await drawTestImages(measured.dataset, images, seed);
    const approaches = await measureSystem(
      browser,
      { ...compared, bundle, litert },
      drawn.map(({ image }) => image),
      {
        conditions: options.conditions,
        without: options.without ?? [],
        powers: devicePowers,
        limitMs,
        threads: options.threads ?? defaultThreads(),
        effort: { visits, longMs: LONG_VISIT_MS },
        edgeMs,
        onProgress: onStep,
      },
    );
    const results: SystemResults = {
      format: RESULTS_FORMAT,
      date: new Date().toISOString(),
      machine: {
        processor: cpus()[0].model.trim(),
        cores: cpus().length,
        browser: `Chromium ${browser.browser()?.version() ?? (await browserVersion(browser))}`,
      },
      settings: { images, seed },
      networks: [{ ...networkFacts(measured), approaches }],
    };
    if (options.out !== undefined) writeFileAtomic(options.out, `${JSON.stringify(results)}\n`);
    return results;
  } finally {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function browserVersion(browser: BrowserContext): Promise<string> {
  const page = await browser.newPage();
  const agent: string = await page.evaluate('navigator.userAgent');
  await page.close();
  return /Chrome\/([\d.]+)/.exec(agent)?.[1] ?? agent;
}
