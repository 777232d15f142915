import { evaluationBatches } from '../datasets/batches.js';
import type { Dataset, Split } from '../datasets/dataset.js';
import type { Loader } from '../datasets/loading/loader.js';
import type { JointNetwork } from '../network/layers.js';
import { networkParameters } from '../network/parameters.js';
import type { Engine } from './engines/engine.js';
import { inferenceFunction } from './step.js';

/** Both branches' logits [count, classes] for the images they were asked for, and those images' labels. */
export interface Logits {
  readonly full: Float32Array;
  readonly branch: Float32Array;
  readonly labels: Uint16Array;
  readonly classes: number;
}

export type Evaluator = (split: Split, places?: Int32Array) => Promise<Logits>;

/** Images in a batch, at most; fewer where they are large, so that no batch takes more than 16 MB. */
const MOST_IMAGES = 250;
const MOST_VALUES = 4_000_000;

/** A function that gives both branches' logits on any images of a data set, with the engine's present parameters. */
export async function createEvaluator(
  engine: Engine,
  network: JointNetwork,
  dataset: Dataset,
  loader?: Loader,
): Promise<Evaluator> {
  const values = network.input.reduce((product, size) => product * size, 1);
  const batchSize = Math.max(1, Math.min(MOST_IMAGES, Math.floor(MOST_VALUES / values)));
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
    const branch = new Float32Array(count * classes);
    const labels = new Uint16Array(count);
    // The last batch may be short: the rest of this array is then left over from the batch before, and ignored.
    const images = new Float32Array(batchSize * values);
    for await (const batch of evaluationBatches(dataset, split, batchSize, places, loader)) {
      const from = batch.index * batchSize;
      images.set(batch.images);
      const logits = await infer({ images });
      full.set(logits.full.subarray(0, batch.size * classes), from * classes);
      branch.set(logits.branch.subarray(0, batch.size * classes), from * classes);
      labels.set(batch.labels, from);
    }
    return { full, branch, labels, classes };
  };
}

/** How many rows of logits have their largest value at the label; the first of equals counts. */
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
