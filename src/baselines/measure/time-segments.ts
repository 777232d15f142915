import type { BrowserContext } from 'playwright-core';
import { median } from '../../base/statistics.js';
import { layerCost } from '../../network/cost.js';
import { flattenChains } from '../../network/shapes.js';
import { fitRates, type Sample } from '../../plan/fit-rates.js';
import { type Rates, type Work, workMs, workOf } from '../../plan/layer-times.js';
import { timeModel } from '../../profiling/time-model.js';
import type { Segment } from '../approaches/segments.js';

/** A segment with its model. */
export interface TimedSegment {
  readonly segment: Segment;
  readonly model: Uint8Array;
}

const ROUNDS = 15;
const WARM_UP = 3;
/** A sample runs the model repeatedly for this long. */
const SAMPLE_MS = 4;

/**
 * Time of each segment for one image in ONNX Runtime on this machine, in ms.
 *
 * @param threads number of threads that compute it
 */
export async function timeOnEdge(segments: readonly TimedSegment[], threads: number): Promise<number[]> {
  const times: number[] = [];
  for (const { segment, model } of segments) {
    times.push(median(await timeModel(model, segment.input, ROUNDS, threads)));
  }
  return times;
}

/**
 * The same in the browser's ONNX Runtime.
 *
 * @param files paths on the host of the models and of the runtime
 */
export async function timeOnDevice(
  browser: BrowserContext,
  { url, runtime, models }: { readonly url: string; readonly runtime: string; readonly models: readonly string[] },
  segments: readonly TimedSegment[],
  slowdown: number,
): Promise<number[]> {
  const page = await browser.newPage();
  try {
    await page.goto(`${url}/v2`);
    if (slowdown > 1) {
      const session = await browser.newCDPSession(page);
      await session.send('Emulation.setCPUThrottlingRate', { rate: slowdown });
    }
    const shapes = segments.map(({ segment }) => [1, ...segment.input]);
    return await page.evaluate(`(async () => {
      const ort = await import(${JSON.stringify(`${runtime}ort.wasm.bundle.min.mjs`)});
      ort.env.wasm.numThreads = 1;
      const wasm = await fetch(${JSON.stringify(`${runtime}ort-wasm-simd-threaded.wasm`)});
      ort.env.wasm.wasmBinary = await wasm.arrayBuffer();
      const models = ${JSON.stringify(models)};
      const shapes = ${JSON.stringify(shapes)};
      const times = [];
      for (const [i, model] of models.entries()) {
        const session = await ort.InferenceSession.create(model);
        const values = new Float32Array(shapes[i].reduce((all, size) => all * size)).fill(0.5);
        const feeds = { [session.inputNames[0]]: new ort.Tensor('float32', values, shapes[i]) };
        const timed = async (runs) => {
          const start = performance.now();
          for (let run = 0; run < runs; run++) await session.run(feeds);
          return (performance.now() - start) / runs;
        };
        const runs = Math.max(1, Math.round(${SAMPLE_MS} / Math.max(0.01, await timed(${WARM_UP}))));
        const samples = [];
        while (samples.length < ${ROUNDS}) samples.push(await timed(runs));
        times.push(samples.sort((a, b) => a - b)[samples.length >> 1]);
        await session.release();
      }
      return times;
    })()`);
  } finally {
    await page.close();
  }
}

/**
 * Times of segments as predicted by a linear regression per kind of layer (Neurosurgeon's layer models), fitted on this
 * machine.
 *
 * @param milliseconds measured times, one per segment
 */
export function predictedMs(segments: readonly Segment[], milliseconds: readonly number[]): number[] {
  const works = segments.map(worksOf);
  const samples = works.map((of, i): Sample => ({ works: of, milliseconds: Math.max(1e-4, milliseconds[i]) }));
  const rates: Rates = fitRates(samples);
  return works.map((of) => of.reduce((sum, work) => sum + workMs(work, rates), 0));
}

const worksOf = ({ layers }: Segment): Work[] => flattenChains(layers).map(layerCost).flatMap(workOf);
