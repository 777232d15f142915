import { totalmem } from 'node:os';
import { UserError } from '../base/errors.js';
import { fullHead } from '../network/head.js';
import { isBranch, type JointNetwork } from '../network/layers.js';
import { networkParameters } from '../network/parameters.js';
import { featuresOf, flattenChains, placeLayers } from '../network/shapes.js';
import type { Config } from '../run/config.js';
import { optimizerSlots } from './step.js';

/** Memory that a training step needs, in bytes. */
interface StepMemory {
  /** For any batch size: the process, parameters, optimiser slots, gradients. */
  readonly base: number;
  /** For each image in a batch: the activations, which the backward pass needs. */
  readonly perImage: number;
}

/**
 * Fitted to the peak memory of processes that trained LeNet, AlexNet, ResNet-18 and MobileNetV2 with engine onnxruntime;
 * within 15 % of each.
 */
const PROCESS = 200e6;
const STATE_COPIES = 5;
const ACTIVATION_OVERHEAD = 1.1;
const BYTES = 4;

/** An estimate of the memory that training needs on the CPU. A frozen full network needs no backward pass, and with `views` only its head has a step. */
export function stepMemory(network: JointNetwork, config: Config): StepMemory {
  const sizes = [...networkParameters(network), ...optimizerSlots(network, config).map(({ parameter }) => parameter)];
  const state = sizes.reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0);
  const isTrained = !config.freezeFull && config.views === 0;
  const tuned = config.views > 0 && config.fineTune > 0 ? fullHead(network, config.fineTune) : [];
  const trained = placeLayers(network).filter(({ part }) => isTrained || isBranch(part));
  const kept = flattenChains([...trained, ...tuned]);
  const activations = kept.reduce((sum, { output }) => sum + featuresOf(output), 0);
  return {
    base: PROCESS + STATE_COPIES * BYTES * state,
    perImage: ACTIVATION_OVERHEAD * BYTES * activations,
  };
}

/**
 * Checks that a training step fits into memory, because a process that runs out of it is killed without a message.
 *
 * @param available in bytes. Default: all memory of this machine or container
 * @throws UserError that names the largest batch size that fits
 */
export function requireMemory(network: JointNetwork, config: Config, available = machineMemory()): void {
  const { base, perImage } = stepMemory(network, config);
  const { batchSize } = config;
  const needed = base + batchSize * perImage;
  if (needed <= available) return;
  const fits = Math.floor((available - base) / perImage);
  const advice =
    fits >= 1 ? `give --batch-size ${fits} or less` : 'give a smaller --network, --width, --image-size or --branch';
  throw new UserError(
    `network ${network.name}: expected a training step that fits into ${gigabytes(available)} GB of memory, found one of ` +
      `about ${gigabytes(needed)} GB (batches of ${batchSize}, ${network.input.join('x')}); ${advice}`,
  );
}

function machineMemory(): number {
  // 0 if there is no limit, and larger than any memory if the limit is unknown.
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

const gigabytes = (bytes: number): string => (bytes / 1e9).toFixed(1);
