import { exitsOf, numbered } from '../../base/exits.js';
import type { TrainValidation } from '../../datasets/split.js';
import { isOfHead } from '../../network/head.js';
import { networkParameters } from '../../network/parameters.js';
import type { TrainingSource } from '../training-source.js';
import { computeFeatures, type FeatureOptions } from './compute-features.js';
import { type AnsweredImages, crossFittedAnswers } from './cross-fitted-answers.js';
import { createInputs, viewBatches } from './feature-batches.js';
import { headInference } from './head-pass.js';

/**
 * Batches of what the frozen layers compute. An epoch is a pass over all views of all training images. If the branch
 * learns from cross-fitted answers, they are in the batches as well.
 *
 * @returns nothing if the signal interrupted the computation of the features or answers
 */
export async function featureSource(
  options: FeatureOptions & { readonly indices: TrainValidation } & Omit<AnsweredImages, 'chosen'>,
): Promise<TrainingSource | undefined> {
  const { engine, network, config, dataset, indices } = options;
  const { train, validation } = indices;
  const { labels, count: images } = dataset.train;
  const { classes } = network;
  const isCrossFitted = config.distillationFolds > 0 && config.distillation > 0 && network.branch.length > 0;
  const answers = isCrossFitted ? await crossFittedAnswers(options, { ...options, chosen: train }) : undefined;
  if (isCrossFitted && !answers) return undefined;
  const features = await computeFeatures(options);
  if (!features) return undefined;
  const { batchSize } = config;
  const stepInputs = createInputs(network, config, batchSize);

  const { fineTune } = config;
  const head = networkParameters(network)
    .map(({ name }) => name)
    .filter(isOfHead(network, fineTune));
  const evaluated = createInputs(network, config, Math.min(batchSize, Math.max(1, validation.length)));
  const infer = await engine.compile(headInference(network, fineTune), head, evaluated.shapes);

  return {
    samples: train.length * config.views,
    shapes: { ...stepInputs.shapes, ...(answers ? { crossFitted: [batchSize, classes] } : {}) },
    async *batches(epoch, from) {
      for (const records of viewBatches(train, images, config, epoch, from)) {
        const inputs = stepInputs.read(features, records);
        yield {
          inputs: answers ? { ...inputs, crossFitted: rowsOf(answers, records, classes) } : inputs,
          labels: records.map((record) => labels[record % images]),
        };
      }
    },
    async validate() {
      const full = new Float32Array(validation.length * classes);
      const branches = exitsOf(network).map(() => new Float32Array(validation.length * classes));
      for (let start = 0; start < validation.length; start += evaluated.size) {
        const count = Math.min(evaluated.size, validation.length - start);
        const logits = await infer(evaluated.read(features, validation.subarray(start, start + count)));
        full.set(logits.full.subarray(0, count * classes), start * classes);
        branches.forEach((branch, i) => {
          branch.set(logits[numbered('branch', i)].subarray(0, count * classes), start * classes);
        });
      }
      return { full, branches, labels: Uint16Array.from(validation, (i) => labels[i]), classes };
    },
    close: () => features.close(),
  };
}

function rowsOf(values: Float32Array, rows: Int32Array, length: number): Float32Array {
  const found = new Float32Array(rows.length * length);
  for (const [i, row] of rows.entries()) found.set(values.subarray(row * length, (row + 1) * length), i * length);
  return found;
}
