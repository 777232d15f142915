import { z } from 'zod';
import { UserError } from '../base/errors.js';
import { readFileOrExplain, writeFileAtomic } from '../base/files.js';
import { refuseNewerFormat } from '../base/format-version.js';
import { decodeSafetensors, encodeSafetensors, floatTensor, floatValues } from '../base/safetensors.js';
import type { NamedArrays } from '../base/tensors.js';
import type { JointNetwork } from '../network/layers.js';
import { networkParameters } from '../network/parameters.js';

/**
 * The progress of training. All randomness is derived from (seed, epoch, step), so no other generator state is stored.
 * Losses and hits are sums over the current epoch.
 */
export const progressSchema = z.strictObject({
  /** The current stage, from 0; absent in a run without stages. All other numbers count within the stage. */
  stage: z.int().nonnegative().optional(),
  /** The current epoch, from 0; equal to the number of epochs when training is complete. */
  epoch: z.int().nonnegative(),
  /** Completed steps in this epoch, and in total. */
  step: z.int().nonnegative(),
  totalSteps: z.int().nonnegative(),
  fullLoss: z.number(),
  branchLoss: z.number(),
  fullHits: z.int().nonnegative(),
  branchHits: z.int().nonnegative(),
  further: z.array(z.strictObject({ branchLoss: z.number(), branchHits: z.int().nonnegative() })).optional(),
});

export type TrainingProgress = z.infer<typeof progressSchema>;

export interface Checkpoint {
  readonly progress: TrainingProgress;
  /** Parameters, and optimiser slots under `optimizer.SLOT.PARAMETER`. */
  readonly state: NamedArrays;
}

const FORMAT = 'lcdnn-checkpoint-1';

/** Writes a checkpoint atomically. @throws UserError if the disk is full or the folder can't be written */
export function writeCheckpoint(path: string, { progress, state }: Checkpoint): void {
  const tensors = Object.fromEntries(
    Object.entries(state).map(([name, { shape, values }]) => [name, floatTensor(shape, values)]),
  );
  writeFileAtomic(
    path,
    encodeSafetensors({ tensors, metadata: { format: FORMAT, progress: JSON.stringify(progress) } }),
  );
}

/**
 * Reads a checkpoint and checks that its tensors match the network's parameters.
 *
 * @throws UserError if it is missing, damaged, not from lcdnn, or from another network
 */
export function readCheckpoint(path: string, network: JointNetwork): Checkpoint {
  const { tensors, metadata } = decodeSafetensors(readFileOrExplain(path, 'a checkpoint'), path);
  refuseNewerFormat(metadata, 1, path, 'a checkpoint');
  if (metadata.format !== FORMAT) {
    throw new UserError(
      `${path}: expected a checkpoint of lcdnn (${FORMAT}), found ${metadata.format ?? 'another file'}`,
    );
  }
  for (const { name, shape } of networkParameters(network)) {
    const found = tensors[name]?.shape;
    if (found?.join() !== shape.join()) {
      const what = found ? `shape [${found}]` : 'no such tensor';
      throw new UserError(
        `${path}: expected ${name} of shape [${shape}] for network ${network.name}, found ${what}; ` +
          'it belongs to another network',
      );
    }
  }
  const state: NamedArrays = {};
  for (const [name, tensor] of Object.entries(tensors)) {
    const values = tensor.dtype === 'F32' ? floatValues(tensor) : undefined;
    if (!values?.every(Number.isFinite)) {
      const found = values ? 'NaN or infinity' : tensor.dtype;
      throw new UserError(`${path}: expected finite float32 numbers in ${name}, found ${found}; the file is damaged`);
    }
    state[name] = { shape: tensor.shape, values };
  }
  return { progress: parseProgress(metadata.progress, path), state };
}

function parseProgress(text: string | undefined, path: string): TrainingProgress {
  try {
    return progressSchema.parse(JSON.parse(text ?? ''));
  } catch {
    throw new UserError(
      `${path}: expected the progress of a training run in its metadata, found invalid metadata; the file is damaged`,
    );
  }
}
