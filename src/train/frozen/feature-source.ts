import { exitsOf, numbered } from '../../base/exits.js';
import { permutation, random } from '../../base/random.js';
import type { TrainValidation } from '../../datasets/split.js';
import { headInputs, isOfHead } from '../../network/head.js';
import { networkParameters } from '../../network/parameters.js';
import { featuresOf } from '../../network/shapes.js';
import type { TrainingSource } from '../training-source.js';
import { computeFeatures, type FeatureOptions } from './compute-features.js';
import type { FeatureFile } from './feature-file.js';
import { headInference } from './head-pass.js';

/**
 * Batches of what the frozen layers compute. An epoch is a pass over all views of all training images.
 *
 * @returns nothing if the signal interrupted the computation of the features
 */
export async function featureSource(
  options: FeatureOptions & { readonly indices: TrainValidation },
): Promise<TrainingSource | undefined> {
  const { engine, network, config, dataset, indices } = options;
  const features = await computeFeatures(options);
  if (!features) return undefined;
  const { batchSize, seed, views } = config;
  const { train, validation } = indices;
  const samples = train.length * views;
  const { labels, count: images } = dataset.train;
  const stepInputs = createInputs(options, batchSize);

  const { fineTune } = config;
  const head = networkParameters(network)
    .map(({ name }) => name)
    .filter(isOfHead(network, fineTune));
  const evaluated = createInputs(options, Math.min(batchSize, Math.max(1, validation.length)));
  const infer = await engine.compile(headInference(network, fineTune), head, evaluated.shapes);
  const { classes } = network;

  return {
    samples,
    shapes: stepInputs.shapes,
    async *batches(epoch, from) {
      const order = permutation(random(seed, epoch), samples);
      for (let index = from; (index + 1) * batchSize <= samples; index++) {
        const chosen = order.subarray(index * batchSize, (index + 1) * batchSize);
        const image = (sample: number): number => train[sample % train.length];
        const records = chosen.map((sample) => Math.floor(sample / train.length) * images + image(sample));
        yield { inputs: stepInputs.read(features, records), labels: Int32Array.from(chosen, (s) => labels[image(s)]) };
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

/** Arrays for the head's inputs for `size` samples, and a function that fills them with records. */
function createInputs({ network, config }: FeatureOptions, size: number) {
  const parts = Object.entries(headInputs(network, config.fineTune)).map(([name, shape]) => ({
    name,
    shape,
    length: featuresOf(shape),
  }));
  const record = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  const inputs = Object.fromEntries(parts.map(({ name, length }) => [name, new Float32Array(size * length)]));
  return {
    size,
    shapes: Object.fromEntries(parts.map(({ name, shape }) => [name, [size, ...shape]])),
    read(features: FeatureFile, records: Int32Array) {
      records.forEach((index, i) => {
        features.read(index, record);
        let offset = 0;
        for (const { name, length } of parts) {
          inputs[name].set(record.subarray(offset, offset + length), i * length);
          offset += length;
        }
      });
      return inputs;
    },
  };
}
