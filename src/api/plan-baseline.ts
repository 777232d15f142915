import { join } from 'node:path';
import { makeFolder, writeFileAtomic } from '../base/files.js';
import { type Baseline, baselineFiles } from '../baselines/approaches/baseline.js';
import { onDevice, partitioned } from '../baselines/approaches/partition.js';
import { chainOf, segmentsOf } from '../baselines/approaches/segments.js';
import { type ExpectedPartition, planPartitions } from '../baselines/measure/plan-partitions.js';
import { runtimeFiles } from '../baselines/measure/runtime.js';
import type { Conditions } from '../baselines/measure/visit.js';
import { devicePowers } from '../baselines/results/powers.js';
import { defaultThreads } from '../edge/server.js';
import { floatModel } from '../export/float-model.js';
import { launchChromium } from '../profiling/launch-chromium.js';
import { exitRun, inInt8, trainedNetwork } from './measured-run.js';
import { openTrained, type Trained } from './open-trained.js';
import type { DataOptions } from './run-data.js';

/** How `planBaseline` makes each baseline, by name. */
const PLANNERS = {
  'mobile-only': async (trained) => ({ baseline: wholeOnDevice(trained) }),
  'mobile-only-int8': async (trained) => {
    const { model, plan } = await inInt8(trained);
    return { baseline: onDevice('mobile-only-int8', trained.run.network, model, plan) };
  },
  'edge-only': async (trained) => ({ baseline: wholeOnEdge(trained) }),
  neurosurgeon: (trained, options) => planPartition('neurosurgeon', trained, options),
  edgent: (trained, options) => planPartition('edgent', trained, options),
} satisfies Record<string, (trained: Trained, options: PlanBaselineOptions) => Promise<Planned>>;

export type PlannedBaseline = keyof typeof PLANNERS;
export const PLANNED_BASELINES = Object.keys(PLANNERS) as PlannedBaseline[];

interface Planned {
  readonly baseline: Baseline;
  readonly expected?: ExpectedPartition;
  readonly considered?: readonly ExpectedPartition[];
}

export interface PlanBaselineOptions extends DataOptions {
  /** Connection and processor speed to plan for. */
  readonly conditions: Conditions;
  /** What Neurosurgeon minimises. Default: latency. */
  readonly objective?: 'latency' | 'energy';
  /** A run with early exits in float, for Edgent. */
  readonly exits?: string;
  /** Latency that Edgent has to keep, in ms. Default: 100. */
  readonly limitMs?: number;
  /** Threads of the edge for one batch. Default: all processors but one. */
  readonly threads?: number;
  /** Path of a Chromium or Chrome. */
  readonly browser?: string;
  /** Folder for `baseline.json`, `device.onnx` and `edge.onnx`. Default: nothing is written. */
  readonly out?: string;
}

export interface BaselinePlan {
  readonly approach: PlannedBaseline;
  /** What runs where, in a few words. */
  readonly plan: string;
  /** Predicted latency and energy of the chosen partition. */
  readonly expected?: ExpectedPartition;
  readonly considered?: readonly ExpectedPartition[];
}

/**
 * Splits a trained network between device and edge as another approach would.
 *
 * @throws UserError if the run isn't trained, or a browser or ONNX Runtime Web is missing
 */
export async function planBaseline(
  name: PlannedBaseline,
  run: string,
  options: PlanBaselineOptions,
): Promise<BaselinePlan> {
  const planned: Planned = await PLANNERS[name](await openTrained(run, options), options);
  const { baseline, expected, considered } = planned;
  if (options.out !== undefined) {
    makeFolder(options.out);
    for (const [file, bytes] of baselineFiles(baseline)) writeFileAtomic(join(options.out, file), bytes);
  }
  return { approach: name, plan: baseline.facts.plan, expected, considered };
}

async function planPartition(
  name: 'neurosurgeon' | 'edgent',
  trained: Trained,
  options: PlanBaselineOptions,
): Promise<Planned> {
  runtimeFiles(); // fails at once if ONNX Runtime Web is missing
  const exits = options.exits === undefined ? undefined : await exitRun(options.exits, trained.dataset, options);
  const browser = await launchChromium({ program: options.browser });
  try {
    const [planned] = await planPartitions(browser, trainedNetwork(trained), exits, {
      conditions: [options.conditions],
      powers: devicePowers,
      objective: options.objective,
      limitMs: options.limitMs ?? 100,
      threads: options.threads ?? defaultThreads(),
    });
    return planned[name];
  } finally {
    await browser.close();
  }
}

function wholeOnDevice({ run: { network }, state }: Trained): Baseline {
  return onDevice('mobile-only', network, floatModel(network, state, ['shared', 'full']), 'all on the device');
}

function wholeOnEdge(trained: Trained): Baseline {
  const segments = segmentsOf(chainOf(trained.run.network));
  return partitioned('edge-only', trainedNetwork(trained), { segments, cut: 0, begins: 'device' });
}
