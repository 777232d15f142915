import { exitsOf, numbered } from '../base/exits.js';
import { evaluationBatches } from '../datasets/batches.js';
import type { Dataset, Split } from '../datasets/dataset.js';
import type { Loader } from '../datasets/loading/loader.js';
import type { JointNetwork } from '../network/layers.js';
import { networkParameters } from '../network/parameters.js';
import { featuresOf, flattenChains, placeLayers } from '../network/shapes.js';
import type { Engine } from './engines/engine.js';
import { inferenceFunction } from './step.js';

/** Logits [count, classes] of all branches for the requested images, and the images' labels. */
export interface Logits {
  readonly full: Float32Array;
  /** One per exit. */
  readonly branches: readonly Float32Array[];
  readonly labels: Uint16Array;
  readonly classes: number;
}

export type Evaluator = (split: Split, places?: Int32Array) => Promise<Logits>;

/** Maximum number of images in a batch. */
const MOST_IMAGES = 250;
/** Maximum number of values in the input and output of a layer for a whole batch, in single precision about 100 MB. */
const MOST_VALUES = 24_000_000;

/** Number of images in a batch, chosen so that the activations of the network's largest layer stay small. */
export function evaluationBatchSize(network: JointNetwork): number {
  const values = flattenChains(placeLayers(network)).map(({ input, output }) => featuresOf(input) + featuresOf(output));
  return Math.max(1, Math.min(MOST_IMAGES, Math.floor(MOST_VALUES / Math.max(...values))));
}

/** What a caller can follow of an evaluation, and the signal that ends it. */
export interface EvaluationEvents {
  /** Aborting ends the evaluation after the current batch; it then throws the signal's reason. */
  readonly signal?: AbortSignal;
  /** Called after every batch. */
  readonly onImages?: (done: number, total: number) => void;
}

/** A function that computes all branches' logits on images of a data set, with the engine's current parameters. */
export async function createEvaluator(
  engine: Engine,
  network: JointNetwork,
  dataset: Dataset,
  loader?: Loader,
  { signal, onImages }: EvaluationEvents = {},
): Promise<Evaluator> {
  const values = network.input.reduce((product, size) => product * size, 1);
  // A batch is always whole, so no larger than there are images.
  const most = Math.max(1, dataset.train.count, dataset.test.count);
  const batchSize = Math.min(most, evaluationBatchSize(network));
  const shape = [batchSize, ...network.input];
  const infer = await engine.compile(
    inferenceFunction(network),
    networkParameters(network).map(({ name }) => name),
    { images: shape },
  );
  const { classes } = network;
  return async (split, places) => {
    const count = places?.length ?? split.count;
    const full = new Float32Array(count * classes);
    const branches = exitsOf(network).map(() => new Float32Array(count * classes));
    const labels = new Uint16Array(count);
    // The last batch may be short: the end of this array then still holds the batch before, and is ignored.
    const images = new Float32Array(batchSize * values);
    for await (const batch of evaluationBatches(dataset, split, batchSize, places, loader)) {
      signal?.throwIfAborted();
      const from = batch.index * batchSize;
      images.set(batch.images);
      const logits = await infer({ images });
      full.set(logits.full.subarray(0, batch.size * classes), from * classes);
      branches.forEach((branch, i) => {
        branch.set(logits[numbered('branch', i)].subarray(0, batch.size * classes), from * classes);
      });
      labels.set(batch.labels, from);
      onImages?.(from + batch.size, count);
    }
    return { full, branches, labels, classes };
  };
}

/** Number of rows whose largest logit is at the label; of equal logits, the first counts. */
export function countHits(logits: Float32Array, labels: ArrayLike<number>, classes: number): number {
  let hits = 0;
  for (let row = 0; row < labels.length; row++) {
    const first = row * classes;
    let best = first;
    for (let i = first + 1; i < first + classes; i++) if (logits[i] > logits[best]) best = i;
    if (best - first === labels[row]) hits++;
  }
  return hits;
}
