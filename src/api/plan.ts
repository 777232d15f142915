import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { UserError } from '../base/errors.js';
import { exitsOf } from '../base/exits.js';
import { isBranch } from '../network/layers.js';
import {
  compareDesigns,
  type DesignComparison,
  type DesignLimits,
  type PlanRequest,
  selectWithin,
} from '../plan/compare-designs.js';
import { type ConnectionProfile, connectionProfile } from '../plan/connections.js';
import { type BuildNetwork, buildDesign, type Design } from '../plan/designs.js';
import { calibratedRates, callMsOf, readDeviceProfile, requestMsOf } from '../plan/device-profile.js';
import { readEdgeProfile } from '../plan/edge-profile.js';
import { MEASURED_RATES } from '../plan/measured-rates.js';
import { type Circumstances, tailMs } from '../plan/price.js';
import { type PlanPage, planJson, planNotes } from '../report/plan-page.js';
import { writePlanFiles } from '../report/write-plan.js';
import { type MeasuredRun, measuredRun, measuredRuns, runKey } from '../run/measured-runs.js';
import { networkOf } from '../run/run-directory.js';
import { type DescribedNetwork, describeNetwork, type NetworkOptions } from './describe-network.js';
import { accuraciesOf, exitKnowledge, requireExitRatios } from './exit-knowledge.js';
import type { DataOptions } from './run-data.js';
import type { TrainingEvents } from './train-run.js';
import { trainSizes } from './train-sizes.js';

export interface PlanOptions extends NetworkOptions, DesignLimits, DataOptions, TrainingEvents {
  /** Name of a connection. Default: `4g`. */
  readonly connection?: string;
  /** Mbit/s and ms, instead of the connection's. */
  readonly upMbps?: number;
  readonly downMbps?: number;
  readonly roundTripMs?: number;
  /** Images that a page classifies after loading once. Default: 1. */
  readonly images?: number;
  /** Bits of each value on the uplink. Default: 8. */
  readonly uplinkBits?: number;
  /** Measured times: files with the JSON of `lcdnn bench device` and `lcdnn bench edge`. */
  readonly device?: string;
  readonly edge?: string;
  /** Share of all images that exits early at each exit of the planned design. */
  readonly exitRatios?: readonly number[];
  /** Accuracy of each branch of the planned design, then of the full network. */
  readonly accuracies?: readonly number[];
  /** Folder of trained runs, whose accuracies and exit ratios are used. */
  readonly runs?: string;
  /** Train and tune, in `runs`, the branch sizes of Fig. 7 that haven't been measured. */
  readonly train?: boolean;
  /** Path of the Python of engine pytorch. */
  readonly python?: string;
  /** Called when one of those runs is trained and tuned; `index` counts from 0. */
  readonly onTrained?: (name: string, index: number, count: number) => void;
  /** Most branches in one design. Default: 2. */
  readonly maxExits?: number;
}

/**
 * Predicts, before any training, the expected latency of branches in every position, and picks designs within limits
 * (Eq. 11-17 and Fig. 7 of the paper).
 *
 * @param what a run directory, the name of a recipe, or of a network
 * @throws UserError if an option is wrong; the signal's reason if it interrupts a training
 */
export async function plan(what: string, options: PlanOptions = {}): Promise<PlanPage> {
  const { images = 1, upMbps, downMbps, roundTripMs, maxExits = 2 } = options;
  const connection = connectionProfile(options.connection ?? '4g', { upMbps, downMbps, roundTripMs });
  const limits = requireLimits(options);
  const described = describeNetwork(what, options);
  const { network, config } = described;
  const build: BuildNetwork = (choice) => networkOf({ ...config, ...choice }, network.input, network.classes);
  const design = buildDesign(build, config);
  const circumstances = circumstancesOf({ ...options, images }, design, connection);
  const known = givenExits(options, exitsOf(network).length);
  const requestNow = (): PlanRequest & { readonly note: string } => {
    const runs = runsOf(described, options);
    const knowledge = exitKnowledge(design, build, { ...known, dataset: config.dataset, runs });
    return { design, build, circumstances, maxExits, ...knowledge };
  };

  let request = requestNow();
  let answers = compareDesigns(request);
  if (options.train) {
    await trainLacking(answers, described, options);
    request = requestNow();
    answers = compareDesigns(request);
  }
  const choice = selectWithin(limits, request, answers);
  const notes = planNotes({ ...options, images }, connection, request.note);
  return { described, images, connection, notes, answers, choice };
}

/** Writes a plan into a folder: `plan.json`, `plan.md` and charts. */
export const writePlan = (folder: string, page: PlanPage): Promise<void> =>
  writePlanFiles(folder, page, planJson(page));

async function trainLacking(answers: DesignComparison, { config, given }: DescribedNetwork, options: PlanOptions) {
  const { runs, image, python, onTrained, dataDir, signal } = options;
  if (image) throw new UserError('--train: expected the images of a data set, found --image; give --dataset');
  if (runs === undefined) throw new UserError('--train: expected a folder for the runs, found none; give --runs');
  // A run that isn't tuned may have been interrupted.
  const lacking = answers.sizes.filter(({ exits }) => exits.from === 'assumed');
  const { onProgress, onNote, onStart, onStep, onEpoch, onEnd } = options;
  const interrupted = await trainSizes(lacking, {
    ...{ runs, config, given, python, onDone: onTrained, dataDir: dataDir && resolve(dataDir) },
    ...{ onProgress, onNote, onStart, onStep, onEpoch, onEnd, signal },
  });
  if (interrupted) signal?.throwIfAborted();
}

function requireLimits({ maxBytes, maxLatencyMs, minAccuracy }: DesignLimits): DesignLimits {
  if (maxBytes !== undefined && !(maxBytes > 0)) {
    throw new UserError(`--max-bytes: expected a size above 0, found ${maxBytes}`);
  }
  if (maxLatencyMs !== undefined && !(maxLatencyMs > 0)) {
    throw new UserError(`--max-latency: expected a time above 0 ms, found ${maxLatencyMs}`);
  }
  if (minAccuracy !== undefined && !(minAccuracy >= 0 && minAccuracy <= 1)) {
    throw new UserError(`--min-accuracy: expected a number from 0 to 1, found ${minAccuracy}`);
  }
  return { maxBytes, maxLatencyMs, minAccuracy };
}

/** Exit ratios and accuracies that the user gave for the planned design. */
function givenExits({ exitRatios, accuracies }: PlanOptions, exits: number) {
  if (exitRatios) requireExitRatios(exitRatios, exits);
  return { ratios: exitRatios, accuracies: accuracies && accuraciesOf(accuracies, exits) };
}

/** Measured times if the user has them, or else those of the shipped table. */
function circumstancesOf(
  options: Pick<PlanOptions, 'device' | 'edge' | 'uplinkBits'> & { readonly images: number },
  design: Design,
  network: ConnectionProfile,
): Circumstances {
  const { device, edge, loadMs, callMs, requestMs, fixedBytes } = MEASURED_RATES;
  const profile = options.device === undefined ? undefined : readDeviceProfile(options.device);
  const tails = options.edge === undefined ? undefined : readEdgeProfile(options.edge, design.network);
  const layers = design.cost.layers;
  const onDevice = layers.filter(({ part }) => part.startsWith('shared') || isBranch(part));
  const tail = tailMs(design, { rates: edge, tails });
  return {
    network,
    images: options.images,
    uplinkBits: requireBits(options.uplinkBits ?? 8),
    device: {
      rates: profile ? calibratedRates(profile, onDevice, device, options.device!) : device,
      loadMs: profile?.loadMs ?? loadMs,
      callMs: profile ? callMsOf(profile) : callMs,
      fixedBytes,
    },
    edge: { rates: edge, tails, requestMs: (profile && requestMsOf(profile, tail)) ?? requestMs },
  };
}

/** Results of the runs in the folder, and of the planned run itself. */
function runsOf({ run }: DescribedNetwork, { runs: folder, train }: PlanOptions): Map<string, MeasuredRun> {
  const missing = folder === undefined || (train && !existsSync(folder));
  const runs = missing ? new Map<string, MeasuredRun>() : measuredRuns(folder);
  const own = run && measuredRun(run);
  if (own) runs.set(runKey(run.network, run.config.dataset), own);
  return runs;
}

function requireBits(bits: number): number {
  if (bits > 0 && bits <= 32) return bits;
  throw new UserError(`--uplink-bits: expected a number above 0 and up to 32, found ${bits}`);
}
