import { z } from 'zod';
import { UserError } from '../base/errors.js';
import { readFileOrExplain, writeFileAtomic } from '../base/files.js';
import { decodeSafetensors, encodeSafetensors, floatTensor, floatValues } from '../base/safetensors.js';
import type { NamedArrays } from '../base/tensors.js';
import type { JointNetwork } from '../network/layers.js';
import { networkParameters } from '../network/parameters.js';

/**
 * Where training stands. All randomness comes from (seed, epoch, step), so these numbers are the generator's whole
 * state. The sums are those of the epoch under way.
 */
export const progressSchema = z.strictObject({
  /** The epoch under way, from 0; equal to the number of epochs when training is done. */
  epoch: z.int().nonnegative(),
  /** Steps done in that epoch, and in all. */
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

/** Writes a checkpoint so that a kill at any moment leaves the old or the new one. @throws UserError (disk full, ...). */
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
 * Reads a checkpoint and holds its tensors against the network's parameters.
 *
 * @throws UserError where it is absent, corrupt, no checkpoint of ours, or of another network.
 */
export function readCheckpoint(path: string, network: JointNetwork): Checkpoint {
  const { tensors, metadata } = decodeSafetensors(readFileOrExplain(path, 'a checkpoint'), path);
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
      const found = values ? 'one that is none' : tensor.dtype;
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
    throw new UserError(`${path}: expected the progress of a training run in its metadata, found none that is valid`);
  }
}
