import { brotliCompressSync } from 'node:zlib';
import { UserError } from '../base/errors.js';
import { exitsOf, numbered } from '../base/exits.js';
import { fileSize, percent, table } from '../base/format.js';
import { permutation, random } from '../base/random.js';
import type { NamedArrays } from '../base/tensors.js';
import { evaluationBatches } from '../datasets/batches.js';
import type { Dataset } from '../datasets/dataset.js';
import { openFrozenLayers } from '../export/frozen-layers.js';
import { attachmentNames, trunkOf } from '../network/branch.js';
import { networkCost } from '../network/cost.js';
import { deployedState, exactDepthwiseSteps, exactSteps, sharedKernels } from '../network/deployed.js';
import { frozenParts, headInputs } from '../network/head.js';
import type { JointNetwork } from '../network/layers.js';
import { featuresOf, sharedShape } from '../network/shapes.js';
import { layersMs } from '../plan/layer-times.js';
import { MEASURED_RATES } from '../plan/measured-rates.js';
import type { Config } from '../run/config.js';
import { networkOf } from '../run/run-directory.js';
import { meanExits } from '../tau/mean-exits.js';
import { count, outcomesFromLogits } from '../tau/outcomes.js';
import { createEngine } from '../train/engines/index.js';
import { type ProbeFeatures, probeLogits } from '../train/frozen/probe.js';
import { checkedStart } from './start-state.js';

/** `--attach` with this value chooses the attachment from the photographs. */
export const AUTO = 'auto';
/** Largest page by default, in bytes. */
export const BUDGET = 400_000;
/** More photographs than this don't change the choice, and take time. */
const MOST_IMAGES = 1000;
const FOLDS = 5;

/** What a branch behind a layer costs, and what a linear probe there answers. */
export interface AttachmentEstimate {
  readonly attach: string;
  /** Bytes that a page downloads. */
  readonly bytes: number;
  /** Time of an image on the device. */
  readonly deviceMs: number;
  /** Bytes of the tensor that an unsure page sends, in 8 bits. */
  readonly uplinkBytes: number;
  /** Of a linear classifier of the layer's mean activations. */
  readonly accuracy: number;
  /** Share of the photographs that such a classifier could answer alone (`meanExits`). */
  readonly exitRatio: number;
}

type Priced = Pick<AttachmentEstimate, 'attach' | 'bytes' | 'deviceMs' | 'uplinkBytes'>;

/** The chosen attachment, and the estimates of all that fit the budget, in the order of the network. */
export interface ChosenAttachment {
  readonly attach: string;
  readonly estimates: readonly AttachmentEstimate[];
}

/**
 * Chooses the layer that the branch is attached behind: of the layers whose page is within the budget, the one where linear
 * probes on the frozen network's mean activations let most photographs exit early.
 *
 * @param config with `attach: 'auto'`
 * @param budget bytes of the page
 * @throws UserError if no page is small enough
 */
export async function chooseAttachment(config: Config, dataset: Dataset, budget = BUDGET): Promise<ChosenAttachment> {
  const classes = dataset.labels.length;
  const build = (attach: string): JointNetwork => networkOf({ ...config, attach }, dataset.shape, classes);
  const names = attachmentNames(trunkOf(networkOf({ ...config, branch: 'none', attach: '' }, dataset.shape, classes)));
  const possible = names.flatMap((attach) => priceOf(attach, build) ?? []);
  if (possible.length === 0) {
    throw new UserError(`attach ${AUTO}: expected a layer that branch ${config.branch} fits behind, found none`);
  }
  // Behind an early layer a page would send more than the image itself.
  const pixels = featuresOf(dataset.shape);
  const small = possible.filter(({ uplinkBytes }) => uplinkBytes <= pixels);
  const priced = small.length > 0 ? small : possible;
  // One network with an exit behind each of the layers: one pass computes all their outputs.
  const network = build(priced.map(({ attach }) => attach).join(','));
  const state = deployedState(network, (await checkedStart(config, network, dataset)).state);
  const saved = savedByCompression(network, state);
  const all = priced.map((price, exit) => ({ ...price, bytes: price.bytes - saved[exit] }));
  const within = all.filter(({ bytes }) => bytes <= budget);
  if (within.length === 0) {
    const least = all.reduce((a, b) => (b.bytes < a.bytes ? b : a));
    throw new UserError(
      `budget: expected at least ${fileSize(least.bytes)}, the page with a branch behind ${least.attach}, found ` +
        `${fileSize(budget)}; give a larger --budget`,
    );
  }
  const probes = await probe(config, dataset, network, state);
  const estimates = all.map((price, exit) => ({ ...price, ...probes[exit] })).filter(({ bytes }) => bytes <= budget);
  const best = estimates.reduce((a, b) => (b.exitRatio > a.exitRatio ? b : a));
  return { attach: best.attach, estimates };
}

/** The estimates as a table for the terminal; the chosen one is marked. */
export function attachmentTable({ attach, estimates }: ChosenAttachment): string {
  const rows = estimates.map((estimate) => [
    `${estimate.attach === attach ? '*' : ' '} ${estimate.attach}`,
    fileSize(estimate.bytes),
    `${estimate.deviceMs.toFixed(1)} ms`,
    fileSize(estimate.uplinkBytes),
    percent(estimate.accuracy, 1),
    percent(estimate.exitRatio, 1),
  ]);
  const head = ['  branch behind', 'page', 'device', 'sent', 'probe', 'exit early'];
  return table([head, ...rows], [1, 2, 3, 4, 5]);
}

/** Nothing if no branch fits there. */
function priceOf(attach: string, build: (attach: string) => JointNetwork): Priced | undefined {
  const network = networkIf(() => build(attach));
  if (!network) return undefined;
  const { layers, device } = networkCost(network);
  const uplinkBytes = featuresOf(sharedShape(network));
  const onDevice = layers.filter(({ part }) => part !== 'full');
  const { fixedBytes, callMs, device: rates } = MEASURED_RATES;
  return { attach, bytes: fixedBytes + device.bytes, deviceMs: callMs + layersMs(onDevice, rates), uplinkBytes };
}

function networkIf(build: () => JointNetwork): JointNetwork | undefined {
  try {
    return build();
  } catch (thrown) {
    if (thrown instanceof UserError) return undefined;
    throw thrown;
  }
}

/** For each exit, what brotli saves of the kernels that are deployed in 8 bits up to there. */
function savedByCompression(network: JointNetwork, state: NamedArrays): number[] {
  let saved = 0;
  const kernels = sharedKernels(network);
  return exitsOf(network).map((_, exit) => {
    for (const { placed, name, filters } of kernels.filter(
      (kernel) => kernel.placed.part === numbered('shared', exit),
    )) {
      const read = placed.layer.type === 'depthwise-conv2d' ? exactDepthwiseSteps : exactSteps;
      const steps = read(state[name].values, filters)?.steps;
      if (steps) saved += Math.max(0, steps.length - brotliCompressSync(steps).length);
    }
    return saved;
  });
}

/** Accuracy and exit ratio of a linear probe at each exit of the network. */
async function probe(config: Config, dataset: Dataset, network: JointNetwork, state: NamedArrays) {
  const { train } = dataset;
  const { classes } = network;
  const images = permutation(random(config.seed, 0), train.count).slice(0, MOST_IMAGES).sort();
  const features = await meanFeatures(network, state, dataset, images);
  const labels = Array.from(images, (image) => train.labels[image]);
  const engine = await createEngine(config.engine, config.device);
  try {
    const [full, ...branches] = await probeLogits(engine, features, labels, classes, foldsOf(labels));
    return outcomesFromLogits({ full, branches }, labels, classes).map((outcomes) => ({
      accuracy: count(outcomes.branchRight) / labels.length,
      exitRatio: meanExits(outcomes),
    }));
  } finally {
    await engine.dispose();
  }
}

/** Each class is spread evenly over the folds. */
function foldsOf(labels: readonly number[]): number[] {
  const seen = new Map<number, number>();
  return labels.map((label) => {
    const next = seen.get(label) ?? label;
    seen.set(label, next + 1);
    return next % FOLDS;
  });
}

/** Mean over each image of what the frozen layers compute: for the last layer of the full network, then for each exit. */
async function meanFeatures(
  network: JointNetwork,
  state: NamedArrays,
  dataset: Dataset,
  images: Int32Array,
): Promise<ProbeFeatures[]> {
  const shapes = headInputs(network);
  const names = ['full', ...exitsOf(network).map((_, i) => numbered('shared', i))];
  const channels = names.map((name) => shapes[name].at(-1)!);
  const means = channels.map((features) => ({ features, values: new Float32Array(images.length * features) }));
  const frozen = await openFrozenLayers(frozenParts(network), state);
  try {
    for await (const batch of evaluationBatches(dataset, dataset.train, BATCH, images)) {
      const found = await frozen.compute(batch.images, batch.size);
      for (const [i, name] of names.entries()) {
        addMeans(
          means[i].values.subarray(batch.index * BATCH * channels[i]),
          found[name],
          channels[i],
          featuresOf(shapes[name]),
        );
      }
    }
  } finally {
    await frozen.close();
  }
  return means;
}

/** Images that the frozen layers compute at a time. */
const BATCH = 16;

function addMeans(means: Float32Array, outputs: Float32Array, channels: number, length: number): void {
  for (let i = 0; i < outputs.length; i++) {
    means[Math.floor(i / length) * channels + (i % channels)] += outputs[i] / (length / channels);
  }
}
