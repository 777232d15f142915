import { type Mixed, trainingBatches } from '../datasets/batches.js';
import type { Dataset } from '../datasets/dataset.js';
import type { Loader } from '../datasets/loading/loader.js';
import { timed } from '../datasets/loading/timed.js';
import type { TrainValidation } from '../datasets/split.js';
import type { JointNetwork } from '../network/layers.js';
import type { InputShapes } from '../onnx/trace.js';
import type { Config } from '../run/config.js';
import type { Engine } from './engines/engine.js';
import { createEvaluator, type Logits } from './evaluate.js';
import { augmentationOf } from './reports.js';

/** One batch of a step: the step's inputs by name, and the labels that its targets are made from. */
export interface SourceBatch {
  readonly inputs: Readonly<Record<string, Float32Array>>;
  readonly labels: Int32Array;
  readonly mixed?: Mixed;
}

/** What training steps read: images, or what frozen layers compute for them. */
export interface TrainingSource {
  /** Samples in an epoch. */
  readonly samples: number;
  /** Shapes of the inputs of a step. */
  readonly shapes: InputShapes;
  /** The batches of an epoch, counted over all stages, from one on. Both depend only on the run's seed and these numbers. */
  batches(epoch: number, from: number, waited: { ms: number }): AsyncIterable<SourceBatch>;
  /** Logits of all validation images, with the engine's current parameters. */
  validate(): Promise<Logits>;
  close(): void;
}

/** Batches of augmented images. */
export async function imageSource(
  engine: Engine,
  network: JointNetwork,
  config: Config,
  dataset: Dataset,
  indices: TrainValidation,
  loader: Loader | undefined,
): Promise<TrainingSource> {
  const { batchSize, seed } = config;
  const augmentation = augmentationOf(config);
  const evaluate = await createEvaluator(engine, network, dataset, loader);
  return {
    samples: indices.train.length,
    shapes: { images: [batchSize, ...network.input] },
    async *batches(epoch, from, waited) {
      const order = { batchSize, seed, epoch, from, augmentation };
      const batches = trainingBatches(dataset, dataset.train, indices.train, order, loader);
      for await (const { images, labels, mixed } of timed(batches, waited)) yield { inputs: { images }, labels, mixed };
    },
    validate: () => evaluate(dataset.train, indices.validation),
    close() {},
  };
}
