import { z } from 'zod';
import { UserError } from '../base/errors.js';
import { readFileOrExplain, writeFileAtomic } from '../base/files.js';
import { decodeSafetensors, encodeSafetensors, floatTensor, floatValues } from '../base/safetensors.js';
import { layout, type NetworkShape } from './learning/network.js';
import type { PolicyModel } from './learning/policy-model.js';
import type { TrainingState } from './learning/train.js';
import { modelOf, type Plan, resolvePlan } from './learning/training-plan.js';
import { learned } from './policies/learned.js';
import type { Policy } from './policies/policy.js';
import { resolveSettings, type Settings } from './settings.js';

/** A trained policy with its settings, its training plan and its training state. Also serves as a checkpoint. */
export interface TrainedPolicy {
  readonly settings: Settings;
  readonly plan: Plan;
  readonly state: TrainingState;
}

const FORMAT = 'lcdnn-policy-1';

const progressSchema = z.object({ iteration: z.int().nonnegative(), updates: z.int().nonnegative() });

const modelFor = ({ method }: Plan, settings: Settings): PolicyModel =>
  modelOf(method, { ...settings, servers: settings.servers.length });

/** Writes a policy atomically: a kill at any moment leaves the old or the new file. @throws UserError (disk full, ...) */
export function writePolicy(path: string, { settings, plan, state }: TrainedPolicy): void {
  const { network, optimizer, iteration } = state;
  const tensors = Object.fromEntries([
    ...parts(network, network.values, ''),
    ...parts(network, optimizer.first, 'optimizer.first.'),
    ...parts(network, optimizer.second, 'optimizer.second.'),
  ]);
  const progress = JSON.stringify({ iteration, updates: optimizer.updates });
  const metadata = { format: FORMAT, plan: JSON.stringify(plan), settings: JSON.stringify(settings), progress };
  writeFileAtomic(path, encodeSafetensors({ tensors, metadata }));
}

function parts(network: NetworkShape, values: Float32Array, prefix: string) {
  return places(network).map(({ name, shape, from, to }) => [
    prefix + name,
    floatTensor(shape, values.subarray(from, to)),
  ]);
}

function places(network: NetworkShape) {
  const { features, slots, hidden, outputs } = network;
  const { hiddenBias, outputWeights, outputBias, size } = layout(network);
  return [
    { name: 'hidden.weights', shape: [features + slots, hidden], from: 0, to: hiddenBias },
    { name: 'hidden.bias', shape: [hidden], from: hiddenBias, to: outputWeights },
    { name: 'output.weights', shape: [hidden, outputs], from: outputWeights, to: outputBias },
    { name: 'output.bias', shape: [outputs], from: outputBias, to: size },
  ];
}

/** Reads a policy file. @throws UserError if the file is missing, damaged or not an lcdnn policy */
export function readPolicy(path: string): TrainedPolicy {
  const { tensors, metadata } = decodeSafetensors(readFileOrExplain(path, 'a policy'), path);
  if (metadata.format !== FORMAT) {
    throw new UserError(
      `${path}: expected an lcdnn policy (${FORMAT}), found ${metadata.format ?? 'another kind of file'}`,
    );
  }
  const plan = resolvePlan(parsed(metadata.plan), `${path}, plan`);
  const settings = resolveSettings(parsed(metadata.settings), `${path}, settings`);
  const { shape } = modelFor(plan, settings);
  const read = (prefix: string): Float32Array => {
    const values = new Float32Array(layout(shape).size);
    for (const place of places(shape)) {
      const tensor = tensors[prefix + place.name];
      const fits = tensor?.dtype === 'F32' && tensor.shape.join() === place.shape.join();
      const found = fits ? floatValues(tensor) : undefined;
      if (!found?.every(Number.isFinite)) {
        throw new UserError(
          `${path}: expected ${place.shape.join(' x ')} finite numbers in ${prefix}${place.name}, found other data; the file is damaged`,
        );
      }
      values.set(found, place.from);
    }
    return values;
  };
  const progress = progressSchema.safeParse(parsed(metadata.progress));
  if (!progress.success) {
    throw new UserError(`${path}: expected the progress of a training in its metadata, found no valid one`);
  }
  const { iteration, updates } = progress.data;
  const optimizer = { first: read('optimizer.first.'), second: read('optimizer.second.'), updates };
  return { settings, plan, state: { network: { ...shape, values: read('') }, optimizer, iteration } };
}

function parsed(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
}

/**
 * Reads a policy for a number of servers.
 *
 * @throws UserError as `readPolicy` does, and if the policy only works with another number of servers.
 */
export function loadPolicy(path: string, servers: number): Policy {
  const trained = readPolicy(path);
  const trainedServers = trained.settings.servers.length;
  if (trained.plan.method !== 'per-server' && trainedServers !== servers) {
    throw new UserError(
      `${path}: expected a policy for ${servers} servers, found one for ${trainedServers}; train one for ${servers} servers, or use the method per-server, which works with any number`,
    );
  }
  return policyOf(trained);
}

/** A trained policy, ready to use: it takes the most likely action in every state. */
export const policyOf = ({ plan, settings, state }: TrainedPolicy): Policy =>
  learned(modelFor(plan, settings), state.network);
