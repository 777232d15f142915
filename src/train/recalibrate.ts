import * as tf from '@tensorflow/tfjs-core';
import { trainingBatches } from '../datasets/batches.js';
import type { Dataset } from '../datasets/dataset.js';
import type { Loader } from '../datasets/loading/loader.js';
import { isBranch, type JointNetwork } from '../network/layers.js';
import { networkParameters } from '../network/parameters.js';
import type { TensorFunction } from '../onnx/trace.js';
import type { Config } from '../run/config.js';
import type { TrainingStage } from '../run/stages.js';
import type { Engine } from './engines/engine.js';
import { forward, STATISTICS_MOMENTUM } from './forward.js';
import { augmentationOf } from './reports.js';

/**
 * Replaces the batch normalisation statistics of the trained parts by their means over the first `config.recalibration`
 * batches of one further epoch. Weights don't change. Images are augmented as in training, but without mixup.
 *
 * @param indices the training images
 */
export async function recalibrate(
  engine: Engine,
  { config, network, epochsBefore = 0 }: TrainingStage<{ readonly config: Config; readonly network: JointNetwork }>,
  dataset: Dataset,
  indices: Int32Array,
  loader?: Loader,
): Promise<void> {
  const { batchSize, seed, epochs } = config;
  const isTrained = config.freezeFull ? isBranch : () => true;
  const statistics = networkParameters(network).filter(({ name, role }) => role === 'statistic' && isTrained(name));
  const batches = Math.min(config.recalibration, Math.floor(indices.length / batchSize));
  if (batches === 0 || statistics.length === 0) return;
  const names = statistics.map(({ name }) => name);
  const parameters = networkParameters(network).map(({ name }) => name);
  const images = [batchSize, ...network.input];
  const observe = await engine.compile(batchStatistics(network, names, isTrained), parameters, { images });
  const sums = new Map(statistics.map(({ name, shape }) => [name, new Float64Array(shape[0])]));
  const order = {
    batchSize,
    seed,
    epoch: epochsBefore + epochs,
    augmentation: { ...augmentationOf(config), mixup: 0 },
  };
  let left = batches;
  for await (const batch of trainingBatches(dataset, dataset.train, indices, order, loader)) {
    const observed = await observe({ images: batch.images });
    for (const [name, sum] of sums) {
      observed[observedName(name)].forEach((value, i) => {
        sum[i] += value;
      });
    }
    if (--left === 0) break;
  }
  await engine.release(observe);
  const state = await engine.getState();
  for (const [name, sum] of sums) state[name].values.set(sum.map((total) => total / batches));
  engine.setState(state);
}

const observedName = (name: string): string => `batch.${name}`;

/** The statistics of one batch: a step's change to running statistics of 0, divided by the weight of the new value. */
function batchStatistics(
  network: JointNetwork,
  names: readonly string[],
  isTrained: (part: string) => boolean,
): TensorFunction {
  return (inputs) => {
    const zeroed = { ...inputs };
    for (const name of names) zeroed[name] = tf.zerosLike(inputs[name]);
    const { statistics } = forward(network, zeroed, inputs.images, isTrained);
    return Object.fromEntries(
      names.map((name) => [observedName(name), tf.div(statistics[name], 1 - STATISTICS_MOMENTUM)]),
    );
  };
}
