import { UserError } from '../base/errors.js';
import { readBaseline } from '../baselines/approaches/baseline.js';
import { baselineContender } from '../baselines/measure/contender.js';
import { startHost } from '../baselines/measure/host.js';
import { LONG_VISIT_MS, measure } from '../baselines/measure/measure.js';
import { runtimeFiles } from '../baselines/measure/runtime.js';
import type { Conditions } from '../baselines/measure/visit.js';
import type { Measurement } from '../baselines/results/results.js';
import { defaultThreads } from '../edge/server.js';
import { launchChromium } from '../profiling/launch-chromium.js';
import { openRun } from '../run/run-directory.js';
import { drawTestImages } from './measured-run.js';
import { type DataOptions, loadRunData } from './run-data.js';

export interface RunBaselineOptions extends DataOptions {
  readonly conditions: Conditions;
  /** Random test images. Default: 100. */
  readonly images?: number;
  /** Visits with an empty cache. Default: 3. */
  readonly visits?: number;
  /** Seed of the choice of images. Default: 1. */
  readonly seed?: number;
  readonly threads?: number;
  readonly browser?: string;
}

export interface BaselineMeasurement extends Measurement {
  /** What runs where, in a few words. */
  readonly plan: string;
  /** Images that were classified, and how many of them correctly. */
  readonly images: number;
  readonly right: number;
}

/**
 * Measures a baseline that `planBaseline` wrote: page and edge server, in a real browser over an emulated network.
 *
 * @param folder what `planBaseline` wrote
 * @param run the run whose test images are classified
 * @throws UserError if they don't fit together, or a browser is missing
 */
export async function runBaseline(
  folder: string,
  run: string,
  options: RunBaselineOptions,
): Promise<BaselineMeasurement> {
  const { conditions, images: count = 100, visits = 3, seed = 1 } = options;
  const baseline = readBaseline(folder);
  const { input, plan } = baseline.facts;
  const { dataset } = await loadRunData(openRun(run), options);
  if (`${input}` !== `${dataset.shape}`) {
    throw new UserError(`${run}: expected images of ${input.join('x')}, found ${dataset.shape.join('x')}`);
  }
  const drawn = await drawTestImages(dataset, count, seed);
  const contender = baselineContender('baseline', baseline);
  const browser = await launchChromium({ program: options.browser });
  try {
    const host = await startHost({
      edges: contender.edge ? [contender.edge] : [],
      files: new Map([...runtimeFiles(), ...contender.files]),
      threads: options.threads ?? defaultThreads(),
    });
    try {
      const visited = { url: host.url, module: contender.module, options: contender.options };
      const images = drawn.map(({ image }) => image);
      const effort = { visits, longMs: LONG_VISIT_MS };
      const { chosen, ...found } = await measure(browser, visited, conditions, images, effort);
      const right = chosen.filter((index, i) => index === drawn[i].label).length;
      return { plan, right, images: images.length, ...found };
    } finally {
      await host.close();
    }
  } finally {
    await browser.close();
  }
}
