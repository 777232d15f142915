import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-layers'; // registers tfjs's gradients, which tfjs-core alone does not
import type { NamedArrays } from '../../base/tensors.js';
import type { Engine } from '../engines/engine.js';
import { crossEntropy } from '../loss.js';
import { BETA1, BETA2, OPTIMIZERS } from '../optimizers.js';

/** Features of each image, [images, features] row-major. */
export interface ProbeFeatures {
  readonly values: Float32Array;
  readonly features: number;
}

const STEPS = 150;
const RATE = 0.02;
const WEIGHT_DECAY = 0.02;

/**
 * Answers of linear classifiers (one for each kind of features) to every image, each from a classifier that wasn't trained
 * on it: the images are divided into folds (Alain and Bengio 2016, arXiv 1610.01644).
 *
 * @param folds fold of each image
 * @returns logits of each probe, [images, classes]
 */
export async function probeLogits(
  engine: Engine,
  probes: readonly ProbeFeatures[],
  labels: ArrayLike<number>,
  classes: number,
  folds: ArrayLike<number>,
): Promise<Float32Array[]> {
  const images = labels.length;
  const names = probes.flatMap((_, i) => [`kernel${i}`, `bias${i}`]);
  const start = initialState(probes, classes);
  engine.setState(start);
  const inputs = Object.fromEntries(probes.map(({ values, features }, i) => [`x${i}`, standardised(values, features)]));
  const step = await engine.compile(stepOf(probes.length, names), Object.keys(start), {
    ...Object.fromEntries(probes.map(({ features }, i) => [`x${i}`, [images, features]])),
    targets: [images, classes],
    rate: [],
    correction1: [],
    correction2: [],
  });
  const found = probes.map(() => new Float32Array(images * classes));
  for (const fold of new Set(Array.from(folds))) {
    engine.setState(start);
    // Images of the fold have targets of 0, so that they don't count in the loss.
    const targets = new Float32Array(images * classes);
    for (let i = 0; i < images; i++) if (folds[i] !== fold) targets[i * classes + labels[i]] = 1;
    for (let at = 1; at <= STEPS; at++) {
      const rate = (RATE * (1 + Math.cos((Math.PI * (at - 1)) / (STEPS - 1)))) / 2;
      const outputs = await step({
        ...inputs,
        targets,
        rate: Float32Array.of(rate),
        correction1: Float32Array.of(1 - BETA1 ** at),
        correction2: Float32Array.of(1 - BETA2 ** at),
      });
      if (at < STEPS) continue;
      // The logits before the last update, whose rate is 0.
      for (const [probe, logits] of found.entries()) {
        for (let i = 0; i < images; i++) {
          if (folds[i] !== fold) continue;
          const row = i * classes;
          logits.set(outputs[`logits${probe}`].subarray(row, row + classes), row);
        }
      }
    }
  }
  await engine.release(step);
  return found;
}

function initialState(probes: readonly ProbeFeatures[], classes: number): NamedArrays {
  const zeros = (shape: number[]) => ({ shape, values: new Float32Array(shape.reduce((a, b) => a * b, 1)) });
  return Object.fromEntries(
    probes.flatMap(({ features }, i) =>
      ['', '.first', '.second'].flatMap((slot) => [
        [`kernel${i}${slot}`, zeros([features, classes])],
        [`bias${i}${slot}`, zeros([classes])],
      ]),
    ),
  );
}

/** One step of Adam for all classifiers. */
const stepOf = (count: number, names: readonly string[]) => (given: tf.NamedTensorMap) => {
  const logits: tf.Tensor2D[] = [];
  const loss = (...values: tf.Tensor[]): tf.Scalar => {
    for (let i = 0; i < count; i++) {
      const answers = tf.add(tf.matMul(given[`x${i}`] as tf.Tensor2D, values[2 * i] as tf.Tensor2D), values[2 * i + 1]);
      logits[i] = tf.keep(answers) as tf.Tensor2D;
    }
    return logits
      .map((answers) => crossEntropy(answers, given.targets as tf.Tensor2D))
      .reduce((sum, one) => tf.add(sum, one));
  };
  const { grads } = tf.valueAndGrads(loss)(names.map((name) => given[name]));
  const outputs: tf.NamedTensorMap = Object.fromEntries(logits.map((answers, i) => [`logits${i}`, answers]));
  names.forEach((name, i) => {
    const slots = [given[`${name}.first`], given[`${name}.second`]];
    const { rate, correction1, correction2 } = given;
    const scalars = { rate, correction1, correction2 };
    const updated = OPTIMIZERS.adam.update(given[name], grads[i], slots, scalars, WEIGHT_DECAY);
    outputs[name] = updated.parameter;
    [outputs[`${name}.first`], outputs[`${name}.second`]] = updated.slots;
  });
  return outputs;
};

/** The features with mean 0 and variance 1 over the images. */
function standardised(values: Float32Array, features: number): Float32Array {
  const images = values.length / features;
  const result = new Float32Array(values.length);
  for (let f = 0; f < features; f++) {
    let [sum, squares] = [0, 0];
    for (let i = f; i < values.length; i += features) sum += values[i];
    const mean = sum / images;
    for (let i = f; i < values.length; i += features) squares += (values[i] - mean) ** 2;
    const scale = 1 / Math.sqrt(squares / images + 1e-6);
    for (let i = f; i < values.length; i += features) result[i] = (values[i] - mean) * scale;
  }
  return result;
}
