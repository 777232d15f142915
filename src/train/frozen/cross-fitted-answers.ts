import { random } from '../../base/random.js';
import { assignFolds } from '../../datasets/assign-folds.js';
import type { Split } from '../../datasets/dataset.js';
import { isOfHead } from '../../network/head.js';
import type { Config } from '../../run/config.js';
import { withoutBranches } from '../../run/stages.js';
import { compileStep } from '../compile-step.js';
import { initialParameters, initialSlots } from '../initial-state.js';
import { epochStart } from '../reports.js';
import { computeFeatures, type FeatureOptions } from './compute-features.js';
import { createInputs, viewBatches } from './feature-batches.js';
import type { FeatureFile } from './feature-file.js';
import { headInference } from './head-pass.js';

/** Separates the draw of these folds from other draws of the same seed. */
export const FOLDS = 0x616e7377;
/** Views that a last layer answers at a time. */
const BATCH = 256;
/** Logit of an image's own class, and 0 of the others, where no last layer could learn the class. */
const LABEL_LOGIT = 10;

/** The photographs that need an answer, and the weights of their classes in the loss. */
export interface AnsweredImages {
  /** Indices in the training split. */
  readonly chosen: Int32Array;
  readonly weights?: readonly number[];
  /** Folder of the run, for messages. */
  readonly path: string;
}

/**
 * What the full network answers to photographs that it doesn't know: they are divided into `distillationFolds` folds, and
 * a last layer that was trained on the other folds answers each of them. The run's own last layer soon knows the
 * photographs by heart. It answers all of them with certainty, so a branch that learns from it never sees which are hard.
 *
 * @returns logits [views, images of the training split, classes], 0 for images that weren't chosen; nothing if the signal
 *   interrupted it. The engine's state is as before.
 */
export async function crossFittedAnswers(
  options: FeatureOptions,
  images: AnsweredImages,
): Promise<Float32Array | undefined> {
  const { engine, dataset } = options;
  const { views, distillationFolds, seed } = options.config;
  const network = withoutBranches(options.network);
  const folds = divide(dataset.train, images.chosen, distillationFolds, seed);
  const samples = Math.min(...folds.map(({ outside }) => outside.length * views));
  const batchSize = Math.max(1, Math.min(options.config.batchSize, samples));
  const config: Config = { ...options.config, freezeFull: false, batchSize };
  const features = await computeFeatures({ ...options, network, config });
  if (!features) return undefined;
  const kept = await engine.getState();
  const lastLayer = await openLastLayer({ ...options, network, config }, features, images);
  try {
    const found = new Float32Array(views * dataset.train.count * network.classes);
    for (const fold of folds) {
      if ((await lastLayer.train(fold.outside)) === 'interrupted') return undefined;
      await lastLayer.answer(fold, found);
    }
    return found;
  } finally {
    await lastLayer.close();
    features.close();
    engine.setState(kept);
  }
}

interface Fold {
  readonly inside: Int32Array;
  readonly outside: Int32Array;
}

/** The folds that have images. Only if there is one alone are none outside it. */
function divide(split: Split, chosen: Int32Array, folds: number, seed: number): Fold[] {
  const assigned = assignFolds(split, chosen, folds, random(seed, FOLDS));
  return Array.from({ length: folds }, (_, fold) => ({
    inside: chosen.filter((_image, i) => assigned[i] === fold),
    outside: chosen.filter((_image, i) => assigned[i] !== fold),
  })).filter(({ inside }) => inside.length > 0);
}

/** The last layer of a network without branches, trained anew each time. */
async function openLastLayer(options: FeatureOptions, features: FeatureFile, { weights, path }: AnsweredImages) {
  const { engine, network, config, dataset, signal } = options;
  const { labels, count: images } = dataset.train;
  const { classes } = network;
  const { epochs, batchSize, views, seed } = config;
  const all = Object.entries(initialParameters(network, seed));
  const parameters = Object.fromEntries(all.filter(([name]) => isOfHead(network)(name)));
  const start = { ...parameters, ...initialSlots(parameters, network, config) };
  engine.setState(start);
  const learned = createInputs(network, config, batchSize);
  const owner = { run: { path, config, network }, engine };
  const { step, onEngine } = await compileStep(owner, weights, start, false, learned.shapes);
  const asked = createInputs(network, config, BATCH);
  const infer = await engine.compile(headInference(network), Object.keys(parameters), asked.shapes);

  return {
    /** Trains on all views of these images, for as many epochs as the run has. */
    async train(outside: Int32Array): Promise<'done' | 'interrupted'> {
      engine.setState(start);
      const stepsPerEpoch = Math.floor((outside.length * views) / batchSize);
      let progress = epochStart(0, 0);
      for (; progress.epoch < epochs; progress = epochStart(progress.epoch + 1, progress.totalSteps)) {
        for (const records of viewBatches(outside, images, config, progress.epoch)) {
          const batch = {
            inputs: learned.read(features, records),
            labels: records.map((record) => labels[record % images]),
          };
          progress = await step(batch, progress, stepsPerEpoch);
          if (signal?.aborted) return 'interrupted';
        }
      }
      return 'done';
    },
    /** Writes the logits of all views of the images inside a fold. */
    async answer({ inside, outside }: Fold, found: Float32Array): Promise<void> {
      const known = new Set(Array.from(outside, (image) => labels[image]));
      const everyView = Array.from({ length: views }, (_, view) =>
        Array.from(inside, (image) => view * images + image),
      );
      const records = everyView.flat();
      for (let from = 0; from < records.length; from += BATCH) {
        const batch = records.slice(from, from + BATCH);
        const { full } = await infer(asked.read(features, batch));
        for (const [i, record] of batch.entries()) {
          const label = labels[record % images];
          if (known.has(label)) found.set(full.subarray(i * classes, (i + 1) * classes), record * classes);
          else found[record * classes + label] = LABEL_LOGIT;
        }
      }
    },
    async close(): Promise<void> {
      await engine.release(onEngine);
      await engine.release(infer);
    },
  };
}
