import * as ort from '../base/onnxruntime.js';
import { evaluationBatches } from '../datasets/batches.js';
import type { Dataset, Split } from '../datasets/dataset.js';
import { createLoader } from '../datasets/loading/create-loader.js';
import { countHits } from './evaluate.js';

/** Maximum number of images in a batch; lower for large images. */
const MOST_IMAGES = 100;
const MOST_VALUES = 2_000_000;

/** Logits [count, classes] of a model for images, and the images' labels. */
export interface ModelLogits {
  readonly logits: Float32Array;
  readonly labels: Uint16Array;
  readonly classes: number;
}

export interface ModelAccuracy {
  /** Share of the images whose largest logit is at the label. */
  readonly share: number;
  readonly images: number;
}

/**
 * Computes the logits of an ONNX model with one input, normalised images [batch, height, width, channels], and one
 * output, the logits.
 *
 * @param split of the data set
 * @param places indices in the split. Default: all
 */
export async function modelLogits(
  model: Uint8Array,
  dataset: Dataset,
  split: Split,
  places?: Int32Array,
): Promise<ModelLogits> {
  const session = await ort.InferenceSession.create(model, { logSeverityLevel: 3 });
  const [input, output] = [session.inputNames[0], session.outputNames[0]];
  const size = dataset.shape.reduce((product, length) => product * length, 1);
  const batchSize = Math.max(1, Math.min(MOST_IMAGES, Math.floor(MOST_VALUES / size)));
  const classes = dataset.labels.length;
  const count = places?.length ?? split.count;
  const [logits, labels] = [new Float32Array(count * classes), new Uint16Array(count)];
  const loader = createLoader(dataset);
  try {
    for await (const batch of evaluationBatches(dataset, split, batchSize, places, loader)) {
      const images = new ort.Tensor('float32', batch.images, [batch.size, ...dataset.shape]);
      const { data } = (await session.run({ [input]: images }))[output];
      logits.set(data as Float32Array, batch.index * batchSize * classes);
      labels.set(batch.labels, batch.index * batchSize);
    }
  } finally {
    await loader.close();
    await session.release();
  }
  return { logits, labels, classes };
}

/** Accuracy of an ONNX model, based on `modelLogits`. */
export async function modelAccuracy(
  model: Uint8Array,
  dataset: Dataset,
  split: Split,
  places?: Int32Array,
): Promise<ModelAccuracy> {
  const { logits, labels, classes } = await modelLogits(model, dataset, split, places);
  return { share: countHits(logits, labels, classes) / labels.length, images: labels.length };
}
